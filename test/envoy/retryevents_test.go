package envoy

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// retryEvents are App Mesh's HTTP events, and the statuses that each means.
var retryEvents = map[string][]int{
	"server-error":  {500, 501, 502, 503, 504, 505, 506, 507, 508, 510, 511},
	"gateway-error": {502, 503, 504},
	"client-error":  {409},
	"stream-error":  nil,
}

// speaking are the protocols of routes that have retries, with how an application calls by each.
var speaking = []struct {
	protocol, match string
	calls           func(*sidecar) *caller
	header          string // that a request by it has
}{
	{"http", "prefix: /", (*sidecar).calls, "accept: */*"},
	{"http2", "prefix: /", (*sidecar).callsHTTP2, "accept: */*"},
	{"grpc", "", (*sidecar).callsHTTP2, "content-type: application/grpc"},
}

// Each event means its statuses and no others, in routes of each protocol.
func TestRetryStatuses(t *testing.T) {
	for _, by := range speaking {
		t.Run(by.protocol, func(t *testing.T) {
			m := start(t, shop(by.protocol))
			m.sidecar("virtualNode/a", at("application/8080", serve(t, newFailing())))
			ui := m.sidecar("virtualNode/ui")
			m.ready()
			c := by.calls(ui)
			policy := func(policy string) {
				m.apply(route("all", by.protocol+"Route: {match: {"+by.match+"}, "+to("a")+", retryPolicy: {"+policy+", "+perTry+"}}"))
			}
			for event, statuses := range retryEvents {
				policy("maxRetries: 1, httpRetryEvents: [" + event + "]")
				for _, status := range []int{400, 404, 408, 409, 429, 500, 501, 502, 503, 504, 505, 506, 507, 508, 509, 510, 511} {
					want := strconv.Itoa(status)
					if slices.Contains(statuses, status) {
						want = "a"
					}
					c.reaches(want, http.MethodGet, cart+"/", "fail: "+strconv.Itoa(status), "customer: "+event+want+strconv.Itoa(status), by.header)
				}
			}
			// A policy may name several events.
			policy("maxRetries: 2, httpRetryEvents: [client-error, gateway-error]")
			c.reaches("a", http.MethodGet, cart+"/", "fail: 409", "customer: several-1", by.header)
			c.reaches("a", http.MethodGet, cart+"/", "fail: 502", "customer: several-2", by.header)
			c.reaches("500", http.MethodGet, cart+"/", "fail: 500", "customer: several-3", by.header)
		})
	}
}

// connection-error is for instances that no connection can be made to. (To gRPC, Envoy says 200 and unavailable.)
func TestRetryConnections(t *testing.T) {
	for _, by := range speaking {
		t.Run(by.protocol, func(t *testing.T) {
			m := start(t, shop(by.protocol))
			m.registerBare("a", "gone", local(freePort(t)))
			m.registerBare("a", "there", echo(t, "a"))
			ui := m.sidecar("virtualNode/ui")
			m.ready()
			for _, one := range []struct {
				events string
				hidden bool
			}{
				{"tcpRetryEvents: [connection-error]", true},
				{"httpRetryEvents: [client-error]", false},
				{"httpRetryEvents: [server-error]", true}, // 503 is what Envoy answers then
			} {
				m.apply(route("all", by.protocol+"Route: {match: {"+by.match+"}, "+to("a")+", retryPolicy: {maxRetries: 1, "+perTry+", "+one.events+"}}"))
				c := by.calls(ui)
				answered := 0
				for range 16 {
					if c.get(cart+"/", by.header).App == "a" {
						answered++
					}
				}
				if hidden := answered == 16; hidden != one.hidden || answered == 0 {
					t.Errorf("%s: %d of 16 requests are answered", one.events, answered)
				}
			}
		})
	}
}

// refuser is an application that speaks HTTP/2 and refuses the first stream of each customer, as servers do when they
// shut down.
type refuser struct{ streams atomic.Int64 }

func (r *refuser) serve(c net.Conn) {
	if _, err := io.ReadFull(c, make([]byte, len(http2.ClientPreface))); err != nil {
		return
	}
	framer := http2.NewFramer(c, c)
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	if framer.WriteSettings() != nil {
		return
	}
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			return
		}
		switch f := frame.(type) {
		case *http2.SettingsFrame:
			if !f.IsAck() {
				err = framer.WriteSettingsAck()
			}
		case *http2.MetaHeadersFrame:
			if r.streams.Add(1)%2 == 1 {
				err = framer.WriteRSTStream(f.StreamID, http2.ErrCodeRefusedStream)
				break
			}
			var block strings.Builder
			_ = hpack.NewEncoder(&block).WriteField(hpack.HeaderField{Name: ":status", Value: "204"}) // into memory
			err = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: f.StreamID, BlockFragment: []byte(block.String()), EndHeaders: true, EndStream: true})
		}
		if err != nil {
			return
		}
	}
}

// stream-error is for streams that an application refuses before it has looked at them.
func TestRetryRefusedStreams(t *testing.T) {
	m := start(t, shop("http2"))
	app := &refuser{}
	m.registerBare("a", "1", tcpServer(t, app.serve))
	ui := m.sidecar("virtualNode/ui")
	m.ready()
	c := ui.callsHTTP2()
	for _, one := range []struct {
		policy, reaches string
		streams         int64
	}{
		{"", "204", 2},
		{", retryPolicy: {maxRetries: 1, " + perTry + ", httpRetryEvents: [stream-error]}", "204", 2},
		{", retryPolicy: {maxRetries: 1, " + perTry + ", httpRetryEvents: [client-error]}", "503", 1},
		{", retryPolicy: {maxRetries: 0, " + perTry + ", httpRetryEvents: [stream-error]}", "503", 1},
	} {
		m.apply(route("all", "http2Route: {match: {prefix: /}, "+to("a")+one.policy+"}"))
		app.streams.Store(0)
		c.reaches(one.reaches, http.MethodGet, cart+"/")
		if n := app.streams.Load(); n != one.streams {
			t.Errorf("policy %q: %d streams reach the application, want %d", one.policy, n, one.streams)
		}
	}
}

// A try may take as long as the policy says; one that takes longer is a failure of whatever event the policy names that
// takes a broken stream, and else the answer is 504.
func TestPerRetryTimeout(t *testing.T) {
	m := start(t, shop("http"))
	app := newFailing()
	m.sidecar("virtualNode/a", at("application/8080", serve(t, app)))
	ui := m.sidecar("virtualNode/ui")
	m.ready()
	for event, want := range map[string]string{"server-error": "a", "gateway-error": "a", "client-error": "504"} {
		m.apply(route("all", "httpRoute: {match: {prefix: /}, "+to("a")+
			", retryPolicy: {maxRetries: 1, perRetryTimeout: {unit: s, value: 1}, httpRetryEvents: ["+event+"]}}"))
		ui.calls().reaches(want, http.MethodGet, cart+"/", "fail: hang", "customer: "+event)
	}
}

// What has no retry policy has App Mesh's default one: routes of every protocol, and services that a node provides.
func TestDefaultRetries(t *testing.T) {
	m := start(t, justMesh+exposed("http", "{portMapping: {port: 8080, protocol: http}}")+
		exposed("http2", "{portMapping: {port: 8080, protocol: http2}}")+exposed("grpc", "{portMapping: {port: 8080, protocol: grpc}}")+
		callerOf("http", "http2", "grpc"))
	for _, node := range []string{"http", "http2"} {
		m.sidecar("virtualNode/"+node, at("application/8080", serve(t, newFailing())))
	}
	m.sidecar("virtualNode/grpc", at("application/8080", grpcServer(t, newFailing().grpc)))
	ui := m.sidecar("virtualNode/ui")
	m.ready()
	for n, one := range []struct{ fail, times, reaches string }{{"503", "2", "a"}, {"503", "3", "503"}, {"500", "1", "500"}} {
		for _, node := range []string{"http", "http2"} {
			ui.calls().reaches(one.reaches, http.MethodGet, "http://"+node+".shop.local:8080/",
				"fail: "+one.fail, "times: "+one.times, fmt.Sprintf("customer: %s-%d", node, n))
		}
	}
	c := ui.callsGRPC("grpc.shop.local:8080")
	c.reaches("a", "/shop.Cart/Add", "fail: 14", "customer: 1")
	c.reaches("Internal", "/shop.Cart/Add", "fail: 13", "customer: 2")
}
