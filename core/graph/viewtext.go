package graph

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// This file: views in words.

func (w *viewWorld) routeView(r BoundRoute, port Port, policies map[Destination]*ClientTLS) RouteView {
	v := RouteView{Name: r.Name, Priority: r.Order.priority(), Match: r.Match.words(), Targets: []TargetView{}}
	if !port.Protocol.HTTPLike() {
		v.Match, v.Timeout = "every connection", idleWords(r.Timeout.Idle)
	} else {
		v.Timeout, v.Retries = timeoutWords(r.Timeout), r.Retry.words()
	}
	total := 0
	for _, d := range r.Destinations {
		total += d.Weight
	}
	for _, d := range r.Destinations {
		t := TargetView{Node: d.Node, Port: d.Port, Weight: d.Weight, Share: "0 %"}
		if total > 0 {
			t.Share = fmt.Sprintf("%.3g %%", 100*float64(d.Weight)/float64(total))
		}
		if policies != nil {
			t.TLS = w.tlsWords(d, policies[Destination{Node: d.Node, Port: Port{Port: d.Port.Port}}])
		}
		v.Targets = append(v.Targets, t)
	}
	return v
}

// tlsWords says how a caller with a policy, nil for none, speaks to a target.
func (w *viewWorld) tlsWords(d Destination, policy *ClientTLS) string {
	n := w.nodes[d.Node]
	if n == nil {
		return ""
	}
	o, ok := n.Offer(w.mesh, d.Port.Port)
	if !ok {
		return ""
	}
	up, tls, ok := o.Upstream(policy, viewMaterial)
	switch {
	case !ok:
		return "held back"
	case !tls:
		return "plain text"
	case up.Peers == nil:
		return "TLS, any certificate"
	case len(up.Peers.SANs) > 0:
		return "TLS, certificate for " + strings.Join(up.Peers.SANs, " or ")
	}
	return "TLS, certificate checked"
}

func (o Order) priority() *int {
	if !o.HasPriority {
		return nil
	}
	return &o.Priority
}

func (d Duration) words() string { return (time.Duration(d.Millis) * time.Millisecond).String() }

func timeoutWords(t Timeout) string {
	words := t.Request().words()
	switch {
	case !t.PerRequest.Set:
		words += " (default)"
	case t.PerRequest.Millis == 0:
		words = "none"
	}
	if t.Idle.Set {
		words += ", " + idleWords(t.Idle)
	}
	return words
}

func idleWords(d Duration) string {
	switch {
	case !d.Set:
		return "idle by Envoy's default"
	case d.Millis == 0:
		return "never idle"
	}
	return "idle " + d.words()
}

func (r *Retry) words() string {
	switch {
	case r == nil || r.Max == 0:
		return "none"
	case slices.Equal(r.On, DefaultRetry.On) && slices.Equal(r.Statuses, DefaultRetry.Statuses) && !r.PerTry.Set && r.Max == DefaultRetry.Max:
		return "2 (default policy)"
	}
	var on []string
	for _, event := range r.On {
		if event != "retriable-status-codes" {
			on = append(on, event)
		}
	}
	for _, status := range r.Statuses {
		on = append(on, fmt.Sprint(status))
	}
	words := fmt.Sprintf("%d on %s", r.Max, strings.Join(on, ", "))
	if r.PerTry.Set {
		words += ", each try " + r.PerTry.words()
	}
	return words
}

// words says what a request must be like.
func (m Match) words() string {
	var parts []string
	switch m.Path.Kind {
	case PathExact:
		parts = append(parts, "path "+m.Path.Value)
	case PathPrefix:
		parts = append(parts, "path "+m.Path.Value+"*")
	case PathRegex:
		parts = append(parts, "path ~ "+m.Path.Value)
	case PathAny:
	}
	for _, h := range m.Headers {
		parts = append(parts, h.words())
	}
	for _, q := range m.Query {
		if q.Present {
			parts = append(parts, "?"+q.Name)
		} else {
			parts = append(parts, "?"+q.Name+"="+q.Exact)
		}
	}
	words := strings.Join(parts, ", ")
	if words == "" {
		words = "everything"
	}
	if m.GRPC {
		words = "gRPC " + words
	}
	return words
}

func (h Header) words() string {
	is := map[HeaderKind]string{HeaderExact: " = ", HeaderPrefix: " begins with ", HeaderSuffix: " ends with ", HeaderRegex: " ~ "}[h.Kind]
	words := h.Name + is + h.Value
	switch h.Kind {
	case HeaderPresent:
		words = h.Name + " is there"
	case HeaderRange:
		words = fmt.Sprintf("%s from %d to below %d", h.Name, h.Start, h.End)
	default:
	}
	if h.Invert {
		words = "not (" + words + ")"
	}
	return words
}

// words says what becomes of path and host.
func (r BoundGatewayRoute) words() string {
	var parts []string
	switch {
	case r.Rewrite.Prefix != nil && *r.Rewrite.Prefix != r.Match.Path.Value:
		parts = append(parts, "prefix becomes "+*r.Rewrite.Prefix)
	case r.Rewrite.Path != "":
		parts = append(parts, "path becomes "+r.Rewrite.Path)
	default:
		parts = append(parts, "path stays")
	}
	if r.KeepHost {
		parts = append(parts, "host stays")
	}
	return strings.Join(parts, ", ")
}

func (d *Discovery) words() string {
	switch {
	case d == nil:
		return ""
	case d.CloudMap != nil:
		words := fmt.Sprintf("Cloud Map service %s in %s", d.CloudMap.Service, d.CloudMap.Namespace)
		for _, key := range sortedKeys(d.CloudMap.Attributes) {
			words += fmt.Sprintf(", %s=%s", key, d.CloudMap.Attributes[key])
		}
		return words
	case d.Every:
		return "DNS " + d.Hostname + ", each address"
	}
	return "DNS " + d.Hostname
}

func listenerViews(ls []Listener) []ListenerView {
	out := []ListenerView{}
	for _, l := range ls {
		v := ListenerView{Port: l.Port, TLS: l.TLS.words(), Timeout: timeoutWords(l.Timeout)}
		if !l.Protocol.HTTPLike() {
			v.Timeout = idleWords(l.Timeout.Idle)
		}
		if h := l.Health; h != nil {
			v.HealthCheck = fmt.Sprintf("%s %severy %s", h.Protocol, spaced(h.Path), h.Interval.words())
		}
		if o := l.Outlier; o != nil {
			v.Outlier = fmt.Sprintf("after %d errors, for %s, at most %d %%", o.MaxServerErrors, o.BaseEjection.words(), o.MaxEjectionPercent)
		}
		v.Pool = l.Pool.words()
		out = append(out, v)
	}
	return out
}

func spaced(s string) string {
	if s == "" {
		return ""
	}
	return s + " "
}

func (t *ServerTLS) words() string {
	if t == nil {
		return "DISABLED"
	}
	words := "STRICT"
	if t.Permissive {
		words = "PERMISSIVE"
	}
	if t.Clients != nil {
		words += ", clients show a certificate"
		if len(t.Clients.SANs) > 0 {
			words += " for " + strings.Join(t.Clients.SANs, " or ")
		}
	}
	return words
}

func (p Pool) words() string {
	var parts []string
	for _, bound := range []struct {
		n    int
		what string
	}{{p.MaxConnections, "connections"}, {p.MaxPendingRequests, "waiting"}, {p.MaxRequests, "requests"}} {
		if bound.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", bound.n, bound.what))
		}
	}
	return strings.Join(parts, ", ")
}
