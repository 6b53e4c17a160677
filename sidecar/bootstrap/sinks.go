package bootstrap

import (
	"fmt"
	"time"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	metricsv3 "github.com/envoyproxy/go-control-plane/envoy/config/metrics/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
)

// StatsD is a place that metrics are pushed to.
type StatsD struct {
	// Address is "IP:port", for UDP, or "unix:///path" for a datagram socket.
	Address string
	// Tagged says that it understands DogStatsD's tags; else what would be tags stays in the names.
	Tagged bool
}

// minFlush is Envoy's own bound.
const minFlush = time.Millisecond

func addSinks(b *bootstrapv3.Bootstrap, _ NodeID, o Options) error {
	if o.FlushInterval != 0 {
		if o.FlushInterval < minFlush {
			return fmt.Errorf("flush interval %v must be %v or more", o.FlushInterval, minFlush)
		}
		b.StatsFlushInterval = durationpb.New(o.FlushInterval)
	}
	for _, s := range o.Sinks {
		address, err := datagrams("StatsD address", s.Address)
		if err != nil {
			return err
		}
		name := "envoy.stat_sinks.statsd"
		var config proto.Message = &metricsv3.StatsdSink{StatsdSpecifier: &metricsv3.StatsdSink_Address{Address: address}}
		if s.Tagged {
			name = "envoy.stat_sinks.dog_statsd"
			config = &metricsv3.DogStatsdSink{DogStatsdSpecifier: &metricsv3.DogStatsdSink_Address{Address: address}}
		}
		packed, err := anyOf(config)
		if err != nil {
			return err
		}
		b.StatsSinks = append(b.StatsSinks, &metricsv3.StatsSink{
			Name: name, ConfigType: &metricsv3.StatsSink_TypedConfig{TypedConfig: packed},
		})
	}
	return nil
}

// datagrams reads an address that takes datagrams: UDP, or a socket in the file system.
func datagrams(what, address string) (*corev3.Address, error) {
	if pipe, err := pipe(what, address); pipe != nil || err != nil {
		return pipe, err
	}
	ip, port, err := splitAddress(address)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	if port == 0 {
		return nil, fmt.Errorf("%s %q must have a port", what, address)
	}
	a := socket(ip, port)
	a.GetSocketAddress().Protocol = corev3.SocketAddress_UDP
	return a, nil
}
