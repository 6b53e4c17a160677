package events

import (
	"encoding/json"
	"fmt"
	"time"
	"unicode/utf8"
)

// This file: what Ownmesh tells the outside, on a bus of its own in AWS and in a log on one machine. docs/events.md
// is for those who listen. testdata holds a sample of each.

// Source is the source of every event on the bus.
const Source = "ownmesh"

// DetailVersion is the version of every detail. It is raised when a member goes or changes its meaning; members that
// are new don't raise it, so listeners ignore what they don't know.
const DetailVersion = 1

// The types of events, as a rule's detail-type names them.
const (
	TypeResourceChanged        = "Resource Changed"
	TypeConfigurationPublished = "Configuration Published"
	TypeEndpointsChanged       = "Endpoints Changed"
	TypeProxyConnected         = "Proxy Connected"
	TypeProxyRejected          = "Proxy Rejected Configuration"
	TypeMeshConverged          = "Mesh Converged"
)

// Types is every type, in the order in which a change passes through the system.
var Types = []string{
	TypeResourceChanged, TypeConfigurationPublished, TypeEndpointsChanged,
	TypeProxyConnected, TypeProxyRejected, TypeMeshConverged,
}

// Event is one thing that is told to the outside. Make one with the Event method of a detail. As JSON it is what a
// rule's target receives from EventBridge, as far as Ownmesh fills it in.
type Event struct {
	ID         string    `json:"id,omitempty"` // given by what carries it: a UUID on the bus, a number on one machine
	DetailType string    `json:"detail-type"`
	Source     string    `json:"source"`
	Time       time.Time `json:"time"`
	Resources  []string  `json:"resources"` // ARNs of what it is about, where who tells it knows them
	Detail     any       `json:"detail"`    // one of the structs below; json.RawMessage of a type that is not known here
}

// About is what every detail begins with.
type About struct {
	Version    int       `json:"version"`    // DetailVersion
	Mesh       string    `json:"mesh"`       // its name
	MeshUID    string    `json:"meshUid"`    // tells apart meshes that had the name one after the other
	Generation int64     `json:"generation"` // of the mesh
	Time       time.Time `json:"time"`       // when it happened, more exactly than the bus's own time
}

// ResourceChange is what happened to a resource.
type ResourceChange string

// What happens to resources.
const (
	Created ResourceChange = "created"
	Updated ResourceChange = "updated"
	Deleted ResourceChange = "deleted"
)

// ResourceChanged says that somebody changed a resource: the change made this generation. Told once a change, and again
// where the table's stream is read again.
type ResourceChanged struct {
	About
	Change          ResourceChange `json:"change"`
	Kind            string         `json:"kind"`                      // virtualNode, route, mesh …
	Parent          string         `json:"parent,omitempty"`          // the router of a route, the gateway of a gateway route
	Name            string         `json:"name"`                      //
	ResourceVersion int64          `json:"resourceVersion,omitempty"` // as App Mesh counts it: 1 after create; 0 after delete
	Caller          string         `json:"caller"`                    // ARN of who asked; "local" on one machine
	RequestID       string         `json:"requestId"`                 // x-amzn-RequestId of the request
}

// ConfigurationPublished says that everything up to this generation is compiled and in the config log, where relays
// read it.
type ConfigurationPublished struct {
	About
	Changed  int  `json:"changed"`  // Envoy resources that are new or different
	Removed  int  `json:"removed"`  // Envoy resources that are gone
	Proxies  int  `json:"proxies"`  // virtual nodes and gateways whose set of resources is another one now
	Findings int  `json:"findings"` // how many the mesh has: see ownmesh describe
	Deleted  bool `json:"deleted"`  // the mesh is gone, and this is the last of its events
}

// EndpointsChanged says that the endpoints log has other instances now. One event may tell of many changes.
type EndpointsChanged struct {
	About
	Services []ServiceEndpoints `json:"services"` // those that changed, sorted; at most MaxServices
	More     int                `json:"more"`     // how many more services changed
}

// ServiceEndpoints is how the instances of one service changed.
type ServiceEndpoints struct {
	Namespace string `json:"namespace"`
	Service   string `json:"service"`
	Instances int    `json:"instances"` // now
	Added     int    `json:"added"`
	Changed   int    `json:"changed"`
	Removed   int    `json:"removed"`
}

// MaxServices is how many services one EndpointsChanged names: an entry of the bus holds 256 KB.
const MaxServices = 100

// ProxyConnected says that an Envoy opened its stream to a relay. Streams are renewed about every half hour and when
// relays change, so a proxy that runs for long is told of again and again.
type ProxyConnected struct {
	About
	Resource     string `json:"resource"` // virtualNode/cart
	Instance     string `json:"instance"` // ECS task ARN, instance id, or the peer's address
	Interception string `json:"interception"`
	Relay        string `json:"relay"`
}

// ProxyRejected says that an Envoy refused a resource; it works on with the last one that it took. Told once for a
// version of the resource and a stream.
type ProxyRejected struct {
	About
	Resource string `json:"resource"`
	Instance string `json:"instance"`
	Relay    string `json:"relay"`
	Type     string `json:"type"` // cluster, listener, route, endpoint, secret
	Name     string `json:"name"`
	Message  string `json:"message"` // Envoy's own, at most MaxMessage bytes
}

// MaxMessage is how many bytes of Envoy's message an event holds.
const MaxMessage = 4096

// MeshConverged says that every connected proxy has accepted this generation. Told once a generation; one that a newer
// one overtook is passed over.
type MeshConverged struct {
	About
	Proxies int `json:"proxies"` // connected, all of them current
	Relays  int `json:"relays"`  // that said so
}

// Event makes the event of a detail; arns are those of what it is about.
func (d ResourceChanged) Event(arns ...string) Event {
	d.Version = DetailVersion
	return newEvent(TypeResourceChanged, d.Time, d, arns)
}

// Event makes the event of a detail; arns are those of what it is about.
func (d ConfigurationPublished) Event(arns ...string) Event {
	d.Version = DetailVersion
	return newEvent(TypeConfigurationPublished, d.Time, d, arns)
}

// Event makes the event of a detail; arns are those of what it is about. Services beyond MaxServices are only counted.
func (d EndpointsChanged) Event(arns ...string) Event {
	d.Version = DetailVersion
	if over := len(d.Services) - MaxServices; over > 0 {
		d.Services, d.More = d.Services[:MaxServices:MaxServices], d.More+over
	}
	if d.Services == nil {
		d.Services = []ServiceEndpoints{}
	}
	return newEvent(TypeEndpointsChanged, d.Time, d, arns)
}

// Event makes the event of a detail; arns are those of what it is about.
func (d ProxyConnected) Event(arns ...string) Event {
	d.Version = DetailVersion
	return newEvent(TypeProxyConnected, d.Time, d, arns)
}

// Event makes the event of a detail; arns are those of what it is about. Too long a message is cut.
func (d ProxyRejected) Event(arns ...string) Event {
	d.Version = DetailVersion
	d.Message = shorten(d.Message, MaxMessage)
	return newEvent(TypeProxyRejected, d.Time, d, arns)
}

// Event makes the event of a detail; arns are those of what it is about.
func (d MeshConverged) Event(arns ...string) Event {
	d.Version = DetailVersion
	return newEvent(TypeMeshConverged, d.Time, d, arns)
}

func newEvent(detailType string, at time.Time, detail any, arns []string) Event {
	if arns == nil {
		arns = []string{}
	}
	return Event{DetailType: detailType, Source: Source, Time: at, Resources: arns, Detail: detail}
}

// About is what the event's detail begins with, and false where the type of the detail is not known.
func (e Event) About() (About, bool) {
	switch d := e.Detail.(type) {
	case ResourceChanged:
		return d.About, true
	case ConfigurationPublished:
		return d.About, true
	case EndpointsChanged:
		return d.About, true
	case ProxyConnected:
		return d.About, true
	case ProxyRejected:
		return d.About, true
	case MeshConverged:
		return d.About, true
	}
	return About{}, false
}

// UnmarshalJSON reads an event as a target receives it, or as the log of one machine holds it.
func (e *Event) UnmarshalJSON(data []byte) error {
	type plain Event // without this method
	var raw json.RawMessage
	in := plain{Detail: &raw}
	if err := json.Unmarshal(data, &in); err != nil {
		return fmt.Errorf("read an event: %w", err)
	}
	detail, err := parseDetail(in.DetailType, raw)
	if err != nil {
		return fmt.Errorf("read the detail of an event %q: %w", in.DetailType, err)
	}
	*e = Event(in)
	e.Detail = detail
	return nil
}

func parseDetail(detailType string, raw json.RawMessage) (any, error) {
	switch detailType {
	case TypeResourceChanged:
		return parse[ResourceChanged](raw)
	case TypeConfigurationPublished:
		return parse[ConfigurationPublished](raw)
	case TypeEndpointsChanged:
		return parse[EndpointsChanged](raw)
	case TypeProxyConnected:
		return parse[ProxyConnected](raw)
	case TypeProxyRejected:
		return parse[ProxyRejected](raw)
	case TypeMeshConverged:
		return parse[MeshConverged](raw)
	}
	return raw, nil
}

func parse[D any](raw json.RawMessage) (D, error) {
	var d D
	return d, json.Unmarshal(raw, &d)
}

// shorten cuts a text to at most these bytes, at a character's border, and says so.
func shorten(text string, most int) string {
	const cut = "…"
	if len(text) <= most {
		return text
	}
	end := most - len(cut)
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + cut
}
