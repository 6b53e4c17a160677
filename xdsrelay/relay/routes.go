package relay

import "google.golang.org/protobuf/encoding/protowire"

// Field numbers of what lies between a Listener and the name of a route configuration.
const (
	listenerChain        = 3  // filter_chains
	listenerDefaultChain = 25 // default_filter_chain
	chainFilter          = 3  // filters
	filterConfig         = 4  // typed_config
	managerRDS           = 3  // of an HttpConnectionManager
	rdsName              = 2  // route_config_name
)

const managerURL = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"

// eachRoute calls found with the names of the route configurations that an encoded listener asks for by RDS, as often
// as it names them. It decodes no more than the way there. What it can't read names none.
func eachRoute(listener []byte, found func(name string)) {
	eachField(listener, func(number protowire.Number, chain []byte) {
		if number != listenerChain && number != listenerDefaultChain {
			return
		}
		eachField(chain, func(number protowire.Number, filter []byte) {
			if number != chainFilter {
				return
			}
			eachField(filter, func(number protowire.Number, config []byte) {
				if number == filterConfig {
					eachRouteOfFilter(config, found)
				}
			})
		})
	})
}

// eachRouteOfFilter does so for a filter's configuration, an Any.
func eachRouteOfFilter(config []byte, found func(name string)) {
	manager := false
	eachField(config, func(number protowire.Number, value []byte) {
		switch {
		case number == anyTypeURL:
			manager = string(value) == managerURL
		case number == anyValue && manager:
			eachField(value, func(number protowire.Number, rds []byte) {
				if number != managerRDS {
					return
				}
				eachField(rds, func(number protowire.Number, name []byte) {
					if number == rdsName {
						found(string(name))
					}
				})
			})
		}
	})
}
