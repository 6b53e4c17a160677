package api

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/core/resource"
)

// Bounds of an instance: Cloud Map's, so that what works on one machine works there.
const (
	maxServiceName    = 1024 // characters of a namespace's or a service's name; and fewer bytes, for both are one key in DynamoDB
	maxInstanceID     = 64
	maxZone           = 64
	maxPorts          = 100
	maxAttributes     = 30
	maxAttributeKey   = 255
	maxAttributeValue = 1024
)

var instanceID = regexp.MustCompile(`^[0-9a-zA-Z_/:.@-]+$`)

// instanceMembers are the members of an instance's body, in the order in which violations are told.
var instanceMembers = []struct {
	name string
	read func(*endpoint.Instance, json.RawMessage) []resource.Violation
}{
	{"attributes", readAttributes},
	{"ipv4", func(i *endpoint.Instance, v json.RawMessage) []resource.Violation {
		return readIP("ipv4", "must be an IPv4 address", v, &i.IPv4, netip.Addr.Is4)
	}},
	{"ipv6", func(i *endpoint.Instance, v json.RawMessage) []resource.Violation {
		return readIP("ipv6", "must be an IPv6 address without a zone", v, &i.IPv6, func(a netip.Addr) bool { return a.Is6() && !a.Is4In6() && a.Zone() == "" })
	}},
	{"ports", readPorts},
	{"unhealthy", func(i *endpoint.Instance, v json.RawMessage) []resource.Violation {
		return readAs("unhealthy", "must be true or false", v, &i.Unhealthy)
	}},
	{"zone", func(i *endpoint.Instance, v json.RawMessage) []resource.Violation {
		if vs := readAs("zone", "must be a string", v, &i.Zone); vs != nil {
			return vs
		}
		return checkText("zone", i.Zone, 0, maxZone)
	}},
}

// parseInstance reads the body of a registration: everything that is wrong with it, or the instance that it
// describes, without name and version.
func parseInstance(body []byte) (endpoint.Instance, []resource.Violation) {
	var i endpoint.Instance
	members, vs := resource.Members(body)
	if vs != nil {
		return i, vs
	}
	for _, m := range instanceMembers {
		if value, sent := members[m.name]; sent && string(value) != "null" {
			vs = append(vs, m.read(&i, value)...)
		}
		delete(members, m.name)
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		vs = append(vs, resource.Violation{Path: resource.Path(name), Rule: "is not a member of an instance"})
	}
	if len(vs) == 0 && i.IPv4 == "" && i.IPv6 == "" {
		vs = append(vs, resource.Violation{Path: "ipv4", Rule: "or ipv6 is required"})
	}
	return i, bounded(vs)
}

// readAs reads a value whose type is all that can be wrong.
func readAs[T any](path, rule string, value json.RawMessage, into *T) []resource.Violation {
	if json.Unmarshal(value, into) != nil {
		return []resource.Violation{{Path: path, Rule: rule, Got: shorten(string(value))}}
	}
	return nil
}

func readIP(path, rule string, value json.RawMessage, into *string, fits func(netip.Addr) bool) []resource.Violation {
	if vs := readAs(path, rule, value, into); vs != nil {
		return vs
	}
	a, err := netip.ParseAddr(*into)
	if err != nil || !fits(a) {
		return []resource.Violation{{Path: path, Rule: rule, Got: shorten(string(value))}}
	}
	*into = a.String()
	return nil
}

func readPorts(i *endpoint.Instance, value json.RawMessage) []resource.Violation {
	var ports map[string]json.RawMessage
	if vs := readAs("ports", "must be an object of listener port to port", value, &ports); vs != nil {
		return vs
	}
	if len(ports) > maxPorts {
		return []resource.Violation{{Path: "ports", Rule: fmt.Sprintf("must have at most %d members", maxPorts), Got: strconv.Itoa(len(ports))}}
	}
	var vs []resource.Violation
	i.Ports = make(map[int]int, len(ports))
	for _, name := range slices.Sorted(maps.Keys(ports)) {
		path := resource.Path("ports", name)
		from, err := strconv.Atoi(name)
		if err != nil || strconv.Itoa(from) != name || !isPort(from) {
			vs = append(vs, resource.Violation{Path: path, Rule: "must be named by a port between 1 and 65535"})
		}
		var to int
		if json.Unmarshal(ports[name], &to) != nil || !isPort(to) {
			vs = append(vs, resource.Violation{Path: path, Rule: "must be a port between 1 and 65535", Got: shorten(string(ports[name]))})
		}
		i.Ports[from] = to
	}
	return vs
}

func isPort(n int) bool { return n >= 1 && n <= 65535 }

func readAttributes(i *endpoint.Instance, value json.RawMessage) []resource.Violation {
	var attributes map[string]json.RawMessage
	if vs := readAs("attributes", "must be an object of strings", value, &attributes); vs != nil {
		return vs
	}
	if len(attributes) > maxAttributes {
		return []resource.Violation{{Path: "attributes", Rule: fmt.Sprintf("must have at most %d members", maxAttributes), Got: strconv.Itoa(len(attributes))}}
	}
	var vs []resource.Violation
	i.Attributes = make(map[string]string, len(attributes))
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		path := resource.Path("attributes", name)
		vs = append(vs, checkText(path+"'s name", name, 1, maxAttributeKey)...)
		var text string
		if wrong := readAs(path, "must be a string", attributes[name], &text); wrong != nil {
			vs = append(vs, wrong...)
			continue
		}
		vs = append(vs, checkText(path, text, 0, maxAttributeValue)...)
		i.Attributes[name] = text
	}
	return vs
}

// checkName checks the name of a namespace or service.
func checkName(path, name string) []resource.Violation {
	vs := checkText(path, name, 1, maxServiceName)
	if size := len(name) + 2*(strings.Count(name, "/")+strings.Count(name, "%")); vs == nil && size >= maxServiceName {
		rule := fmt.Sprintf("must be shorter than %d bytes, of which each / and %% counts three", maxServiceName)
		return []resource.Violation{{Path: path, Rule: rule, Got: shown(name)}}
	}
	return vs
}

func checkID(id string) []resource.Violation {
	if !instanceID.MatchString(id) || len(id) > maxInstanceID {
		return []resource.Violation{{Path: "id", Rule: fmt.Sprintf("must be 1 to %d letters, digits or characters of _/:.@-", maxInstanceID), Got: shown(id)}}
	}
	return nil
}

// checkText bounds a text in characters and refuses control characters.
func checkText(path, text string, least, most int) []resource.Violation {
	if !utf8.ValidString(text) {
		return []resource.Violation{{Path: path, Rule: "must be UTF-8", Got: shown(text)}}
	}
	if n := utf8.RuneCountInString(text); n < least || n > most {
		return []resource.Violation{{Path: path, Rule: fmt.Sprintf("must have between %d and %d characters", least, most), Got: shown(text)}}
	}
	for _, r := range text {
		if unicode.IsControl(r) {
			return []resource.Violation{{Path: path, Rule: "must not have control characters", Got: shown(text)}}
		}
	}
	return nil
}

// maxViolations bounds an answer, as core/resource bounds its own.
const maxViolations = 100

func bounded(vs []resource.Violation) []resource.Violation {
	if more := len(vs) - maxViolations; more > 0 {
		return append(vs[:maxViolations:maxViolations], resource.Violation{Path: "body", Rule: fmt.Sprintf("has %d more faults like these", more)})
	}
	return vs
}
