package envoy

import (
	"testing"
	"time"
)

// A listener that is replaced asks its connections to close while it drains. A gRPC client hears it with the answer of a call,
// and ends its streams as agreed; a stream that is alone on its connection is never asked, and cut at the end, as a tcp
// connection is. All come back at once.
func TestDrainOfStreams(t *testing.T) {
	const drain = 3 * time.Second
	m := start(t, justMesh+exposed("calls", "{portMapping: {port: 8080, protocol: grpc}}")+exposed("bytes", "{portMapping: {port: 8080, protocol: tcp}}")+callerOf("calls", "bytes"))
	m.sidecar("virtualNode/calls", at("application/8080", grpcStreams(t)))
	m.sidecar("virtualNode/bytes", at("application/8080", greeter(t, "bytes")))
	ui := m.sidecar("virtualNode/ui", drainingFor(int(drain.Seconds())))
	m.ready()
	busy, alone := ui.callsGRPC("calls.shop.local:8080"), ui.callsGRPC("calls.shop.local:8080")
	l := newLoad(t)
	l.repeat("a call", time.Now(), busy.ask)
	l.more(10)
	type end struct {
		err   error
		after time.Duration
	}
	began := time.Now()
	ends := func(stream func() error) chan end {
		c := make(chan end, 1)
		go func() { err := stream(); c <- end{err, time.Since(began)} }()
		return c
	}
	const long = time.Hour // who is to end by himself then takes no cut for an end
	withCalls := ends(func() error { return busy.watch(l.stopped, long) })
	byItself := ends(func() error { return alone.watch(l.stopped, long) })
	bytes := ui.connect("bytes.shop.local:8080")
	bytes.line()
	if err := bytes.SetDeadline(time.Now().Add(30 * time.Second)); err != nil { // to be cut, not to run out of time
		t.Fatal(err)
	}
	tcp := ends(func() error { _, err := bytes.r.ReadByte(); return err })
	m.apply("kind: VirtualNode\nvirtualNodeName: ui\nspec:\n  backends: [{virtualService: {virtualServiceName: calls.shop.local}}, {virtualService: {virtualServiceName: bytes.shop.local}}]\n" +
		"  logging: {accessLog: {file: {path: /dev/null}}}\n")
	if e := <-withCalls; e.err != nil {
		t.Errorf("a stream beside calls ended after %v: %v", e.after, e.err)
	}
	for name, c := range map[string]chan end{"a stream by itself": byItself, "a tcp connection": tcp} {
		if e := <-c; e.err == nil || isTimeout(e.err) || e.after < drain {
			t.Errorf("%s ended after %v: %v", name, e.after, e.err)
		}
	}
	if err := alone.ask(); err != nil {
		t.Error(err)
	}
	if got := ui.connect("bytes.shop.local:8080").line(); got != "welcome to bytes\n" {
		t.Errorf("got %q", got)
	}
	l.unharmed()
}
