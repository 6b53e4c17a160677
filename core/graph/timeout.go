package graph

import (
	"math"

	"github.com/ownmesh/ownmesh/core/resource"
)

// Duration is a time span in whole milliseconds, or unset.
type Duration struct {
	Set    bool
	Millis int64
}

// MaxDuration is the longest span that goes into configuration: what Envoy's timers hold, 68 years.
const MaxDuration = math.MaxInt32 * int64(1000)

// millis makes a Duration.
func millis(ms int64) Duration { return Duration{Set: true, Millis: ms} }

// DefaultRequestTimeout is how long a request may take where nobody says anything.
var DefaultRequestTimeout = millis(15_000)

// Timeout is a route's or a listener's timeouts; unset ones are defaults.
type Timeout struct {
	PerRequest Duration // of HTTP-like protocols; 0 switches it off
	Idle       Duration // 0 switches it off
}

// Request is PerRequest or its default.
func (t Timeout) Request() Duration {
	if t.PerRequest.Set {
		return t.PerRequest
	}
	return DefaultRequestTimeout
}

// readDuration reads a duration that may be absent. Without a value it is; without a unit its value is milliseconds.
func readDuration(d *resource.Duration, path string, n *Notes) Duration {
	if d == nil {
		return Duration{}
	}
	if d.Value == nil {
		n.add("duration-incomplete", path+".value", "the duration has no value: it counts as not given", "give value and unit, or remove the duration")
		return Duration{}
	}
	if d.Unit == "" {
		n.add("duration-incomplete", path+".unit", quoted("the duration has no unit: %d milliseconds are used", *d.Value), "give the unit, s or ms")
	}
	value, factor := *d.Value, int64(1)
	if d.Unit == "s" {
		factor = 1000
	}
	if value < 0 {
		n.add("duration-invalid", path, quoted("%d is no duration: it counts as not given", value), "use 0 or more")
		return Duration{}
	}
	if value > MaxDuration/factor {
		n.add("duration-too-long", path, quoted("%d%s is longer than timers go: 68 years are used", value, d.Unit), "use 0 to switch a timeout off")
		return millis(MaxDuration)
	}
	return millis(value * factor)
}

// readHTTPTimeout reads the timeouts of an HTTP-like route or listener.
func readHTTPTimeout(perRequest, idle *resource.Duration, path string, n *Notes) Timeout {
	return Timeout{PerRequest: readDuration(perRequest, path+".perRequest", n), Idle: readDuration(idle, path+".idle", n)}
}

// readListenerTimeout reads a listener's timeouts: those of its own protocol count.
func readListenerTimeout(t *resource.ListenerTimeout, of Protocol, path string, n *Notes) Timeout {
	var timeout Timeout
	if t == nil {
		return timeout
	}
	use := func(p Protocol, given bool, read func(path string) Timeout) {
		switch {
		case !given:
		case p != of:
			instead := "15 s a request"
			if !of.HTTPLike() {
				instead = "none from the mesh"
			}
			n.add("timeout-protocol", path+"."+string(p), quoted("the listener speaks %s: this timeout is ignored, the default holds (%s)", of, plain(instead)), "move it to timeout."+string(of))
		default:
			timeout = read(path + "." + string(p))
		}
	}
	use(HTTP, t.HTTP != nil, func(p string) Timeout { return readHTTPTimeout(t.HTTP.PerRequest, t.HTTP.Idle, p, n) })
	use(HTTP2, t.HTTP2 != nil, func(p string) Timeout { return readHTTPTimeout(t.HTTP2.PerRequest, t.HTTP2.Idle, p, n) })
	use(GRPC, t.GRPC != nil, func(p string) Timeout { return readHTTPTimeout(t.GRPC.PerRequest, t.GRPC.Idle, p, n) })
	use(TCP, t.TCP != nil, func(p string) Timeout { return Timeout{Idle: readDuration(t.TCP.Idle, p+".idle", n)} })
	return timeout
}

// CheckTimeout notes a request timeout of a route that its targets' own proxies don't wait for. limit gives how long a
// virtual node's listener lets a request take: 0 for no limit, unset where it bounds none. With retries whose tries are
// shorter than that, nothing is cut. member is where the route is in its spec.
func (b *BoundRoute) CheckTimeout(key resource.Key, member string, limit func(node string, port int) Duration) []resource.Finding {
	want := b.Timeout.PerRequest
	if !want.Set || want.Millis > 0 && want.Millis <= DefaultRequestTimeout.Millis {
		return nil // what is shorter than the default is meant to end here, or in both places
	}
	n := &Notes{Key: key}
	for _, d := range b.Destinations {
		least := limit(d.Node, d.Port.Port)
		switch {
		case d.Weight == 0 || least.Millis == 0 || want.Millis > 0 && want.Millis <= least.Millis:
			continue
		case b.Retry != nil && b.Retry.Max > 0 && b.Retry.PerTry.Millis > 0 && b.Retry.PerTry.Millis <= least.Millis:
			continue
		}
		asked := want.words()
		if want.Millis == 0 {
			asked = "any time"
		}
		n.add("timeout-shorter-at-target", member+".timeout.perRequest", quoted("the route lets requests take %s, port %d of virtual node %s only %s: after that they are answered with 504", plain(asked), d.Port.Port, d.Node, plain(least.words())), "set timeout."+string(d.Protocol)+".perRequest of that listener too")
	}
	return n.Found
}

// RequestLimit is how long the listener at a port lets a request take: 0 for no limit. Unset where it bounds none, or
// is not there.
func (v *Node) RequestLimit(port int) Duration {
	for _, l := range v.Listeners {
		if l.Port.Port == port && l.Protocol.HTTPLike() {
			return l.Timeout.Request()
		}
	}
	return Duration{}
}
