package relay

import (
	"slices"
	"testing"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	tcpv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/tcp_proxy/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

func chain(filters ...proto.Message) *listenerv3.FilterChain {
	c := &listenerv3.FilterChain{FilterChainMatch: &listenerv3.FilterChainMatch{DestinationPort: wrapperspb.UInt32(8080)}}
	for _, m := range filters {
		config, err := anypb.New(m)
		if err != nil {
			panic(err)
		}
		c.Filters = append(c.Filters, &listenerv3.Filter{Name: "x", ConfigType: &listenerv3.Filter_TypedConfig{TypedConfig: config}})
	}
	return c
}

func rds(name string) *hcmv3.HttpConnectionManager {
	return &hcmv3.HttpConnectionManager{StatPrefix: "not_a_route", RouteSpecifier: &hcmv3.HttpConnectionManager_Rds{
		Rds: &hcmv3.Rds{RouteConfigName: name},
	}}
}

func routesOf(listener []byte) (names []string) {
	eachRoute(listener, func(name string) { names = append(names, name) })
	return names
}

func TestRoutesOfAListener(t *testing.T) {
	l := &listenerv3.Listener{
		Name: "r0",
		FilterChains: []*listenerv3.FilterChain{
			chain(rds("r1")), chain(&tcpv3.TcpProxy{StatPrefix: "r9"}, rds("r2")), chain(), chain(&hcmv3.HttpConnectionManager{}),
			chain(rds("r1")),
		},
		DefaultFilterChain: chain(rds("r3")),
	}
	body, err := deterministic.Marshal(l)
	if err != nil {
		t.Fatal(err)
	}
	got := routesOf(body)
	slices.Sort(got)
	if want := []string{"r1", "r1", "r2", "r3"}; !slices.Equal(got, want) {
		t.Errorf("the listener names %q, want %q", got, want)
	}
	for n := range body { // damaged ones do no harm
		routesOf(body[:n])
		flipped := slices.Clone(body)
		flipped[n] ^= 0xff
		routesOf(flipped)
	}
	if got := routesOf(nil); got != nil {
		t.Errorf("nothing names %q", got)
	}
}
