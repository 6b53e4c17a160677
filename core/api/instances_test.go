package api

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ownmesh/ownmesh/core/endpoint"
)

func TestInstances(t *testing.T) {
	var changed []endpoint.ServiceKey
	s := newServer(t, func(_ *server, o *Options) {
		o.InstancesChanged = func(k endpoint.ServiceKey) { changed = append(changed, k) }
	})
	path := func(namespace, service, id string) string {
		return "/v1/namespaces/" + namespace + "/services/" + service + "/instances/" + id
	}
	register := func(p, body string) endpoint.Instance {
		t.Helper()
		a := s.ask("PUT", p, body)
		a.ok()
		var i endpoint.Instance
		if err := json.Unmarshal(a.raw, &i); err != nil {
			t.Fatal(err)
		}
		return i
	}
	before := s.now.Load()
	first := register(path("shop.local", "cart", "a"), `{"ipv4":"10.0.0.1","ipv6":"2001:DB8::0:1","ports":{"8080":18080},"attributes":{"version":"v1","empty":""},"zone":"us-east-1a","unhealthy":true}`)
	if first.Version <= before*int64(time.Millisecond) {
		t.Errorf("version %d is not by the server's clock", first.Version)
	}
	want := fmt.Sprintf(`{"namespace":"shop.local","service":"cart","id":"a","ipv4":"10.0.0.1","ipv6":"2001:db8::1","ports":{"8080":18080},
		"attributes":{"version":"v1","empty":""},"zone":"us-east-1a","unhealthy":true,"version":%d}`, first.Version)
	s.ask("GET", "/v1/instances", "").equal(`{"instances":[` + want + `]}`)

	second := register(path("shop.local", "cart", "a"), `{"ipv4":"10.0.0.2"}`) // replaces all of it
	if second.Version <= first.Version || second.Attributes != nil {
		t.Errorf("second registration: %+v", second)
	}
	s.now.Store(before - 1_000_000) // the clock goes back
	third := register(path("shop.local", "cart", "a"), `{"ipv4":"10.0.0.3"}`)
	if third.Version <= second.Version {
		t.Errorf("version %d after %d", third.Version, second.Version)
	}
	// It goes back once more while the instance is away: who registers it now isn't late.
	s.ask("DELETE", path("shop.local", "cart", "a"), "").ok()
	s.now.Store(before - 2_000_000)
	if third = register(path("shop.local", "cart", "a"), `{"ipv4":"10.0.0.3"}`); third.Version <= second.Version {
		t.Errorf("version %d after %d", third.Version, second.Version)
	}
	register(path("shop.local", "ui", "b"), `{"ipv6":"::1"}`)
	register(path("other", "cart", "c"), `{"ipv4":"10.0.0.4"}`)
	register(path("other", "a%2Fb", "i:d@x_1.2-3"), `{"ipv4":"10.0.0.5"}`)

	for query, want := range map[string]string{
		"": "a/b/i:d@x_1.2-3 cart/c cart/a ui/b", "?namespace=shop.local": "cart/a ui/b", "?service=cart": "cart/c cart/a",
		"?namespace=shop.local&service=cart": "cart/a", "?namespace=none": "", "?namespace=other&service=a%2Fb": "a/b/i:d@x_1.2-3",
	} {
		a := s.ask("GET", "/v1/instances"+query, "")
		a.ok()
		var list struct{ Instances []endpoint.Instance }
		if err := json.Unmarshal(a.raw, &list); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, i := range list.Instances {
			got = append(got, i.Service+"/"+i.ID)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: got %q, want %q", query, got, want)
		}
	}
	s.ask("GET", "/v1/instances?namespace=none", "").equal(`{"instances":[]}`)

	s.ask("DELETE", path("shop.local", "cart", "a"), "").equal(fmt.Sprintf(`{"namespace":"shop.local","service":"cart","id":"a","ipv4":"10.0.0.3","version":%d}`, third.Version))
	s.ask("DELETE", path("shop.local", "cart", "a"), "").fails(notFound, "Instance with id a is not registered for service cart in namespace shop.local")
	if len(changed) != 9 || changed[0] != (endpoint.ServiceKey{Namespace: "shop.local", Service: "cart"}) {
		t.Errorf("told of %v", changed)
	}
}

func TestBadInstances(t *testing.T) {
	s := newServer(t)
	many := func(n int, format string) string {
		var parts []string
		for i := range n {
			parts = append(parts, fmt.Sprintf(format, i+1))
		}
		return strings.Join(parts, ",")
	}
	const path = "/v1/namespaces/shop.local/services/cart/instances/"
	for _, c := range []struct{ path, body, message string }{
		{path + "a", ``, "ipv4 or ipv6 is required"},
		{path + "a", `{"ipv4":`, "body must be JSON: at byte 8 found the end where a value should start"},
		{path + "a", `{"ipv4" "x"}`, "body must be JSON: at byte 8 found '\"' where ':' should stand"},
		{path + "a", `[]`, "body must be an object, got []"},
		{path + "a", `{"ipv4":"10.0.0.1"} x`, "body must be JSON: at byte 20 found 'x' behind the end of the value"},
		{path + "a", `{}`, "ipv4 or ipv6 is required"},
		{path + "a", `null`, "ipv4 or ipv6 is required"},
		{path + "a", `{"ipv4":null}`, "ipv4 or ipv6 is required"},
		{path + "a", `{"ipv4":"::1"}`, `ipv4 must be an IPv4 address, got "::1"`},
		{path + "a", `{"ipv4":"cart.local"}`, `ipv4 must be an IPv4 address, got "cart.local"`},
		{path + "a", `{"ipv4":1}`, `ipv4 must be an IPv4 address, got 1`},
		{path + "a", `{"ipv6":"10.0.0.1"}`, `ipv6 must be an IPv6 address without a zone, got "10.0.0.1"`},
		{path + "a", `{"ipv6":"::ffff:10.0.0.1"}`, `ipv6 must be an IPv6 address without a zone, got "::ffff:10.0.0.1"`},
		{path + "a", `{"ipv6":"fe80::1%eth0"}`, `ipv6 must be an IPv6 address without a zone, got "fe80::1%eth0"`},
		{path + "a", `{"ipv4":"10.0.0.1","port":80}`, `port is not a member of an instance`},
		{path + "a", `{"ipv4":"10.0.0.1","version":80}`, `version is not a member of an instance`},
		{path + "a", `{"ipv4":"10.0.0.1","ports":[80]}`, `ports must be an object of listener port to port, got [80]`},
		{path + "a", `{"ipv4":"10.0.0.1","ports":{"0":1,"080":1,"65536":1,"x":1}}`, `ports.0 must be named by a port between 1 and 65535; ports.080 must be named by a port between 1 and 65535; ports.65536 must be named by a port between 1 and 65535; ports.x must be named by a port between 1 and 65535`},
		{path + "a", `{"ipv4":"10.0.0.1","ports":{"1":0,"2":65536,"3":"80","4":1.5}}`, `ports.1 must be a port between 1 and 65535, got 0; ports.2 must be a port between 1 and 65535, got 65536; ports.3 must be a port between 1 and 65535, got "80"; ports.4 must be a port between 1 and 65535, got 1.5`},
		{path + "a", `{"ipv4":"10.0.0.1","ports":{` + many(101, `"%d":1`) + `}}`, `ports must have at most 100 members, got 101`},
		{path + "a", `{"ipv4":"10.0.0.1","attributes":{` + many(31, `"a%d":"1"`) + `}}`, `attributes must have at most 30 members, got 31`},
		{path + "a", `{"ipv4":"10.0.0.1","attributes":["x"]}`, `attributes must be an object of strings, got ["x"]`},
		{path + "a", `{"ipv4":"10.0.0.1","attributes":{"x":1}}`, `attributes.x must be a string, got 1`},
		{path + "a", `{"ipv4":"10.0.0.1","attributes":{"":"1"}}`, `attributes[""]'s name must have between 1 and 255 characters, got ""`},
		{path + "a", `{"ipv4":"10.0.0.1","attributes":{"x":"a\u0000b"}}`, `attributes.x must not have control characters, got "a\x00b"`},
		{path + "a", `{"ipv4":"10.0.0.1","ipv4":"10.0.0.2"}`, `ipv4 is given more than once`},
		{path + "a", `{"ipv4":"10.0.0.1","ports":{"80":1,"81":1,"80":2}}`, `ports.80 is given more than once`},
		{path + "a", `{"ipv4":"10.0.0.1","attributes":{"a b":"1","a b":"2"}}`, `attributes["a b"] is given more than once`},
		{path + "a", `{"ipv4":"10.0.0.1","attributes":{"x":[{"y":1,"y":1}]}}`, `attributes.x[0].y is given more than once`},
		{path + "a", "{\"zone\":\"\xff\"}", "body must be JSON: at byte 9 found the byte 0xff, which is not UTF-8, inside a string"},
		{path + "a", `{"zone":"\ud800"}`, "body must be JSON: at byte 9 found half of a surrogate pair"},
		{path + "a", `{"ipv4":"10.0.0.1","spare":null}`, `spare is not a member of an instance`},
		{path + "a", `{"ipv4":"10.0.0.1","unhealthy":"` + strings.Repeat("ä", 40) + `"}`, `unhealthy must be true or false, got "` + strings.Repeat("ä", 29) + `…`},
		{path + "a", `{"ipv4":"10.0.0.1","zone":7,"unhealthy":"yes"}`, `unhealthy must be true or false, got "yes"; zone must be a string, got 7`},
		{path + "a", `{"ipv4":"10.0.0.1","zone":"` + strings.Repeat("z", 65) + `"}`, `zone must have between 0 and 64 characters, got "` + strings.Repeat("z", 60) + `…"`},
		{path + strings.Repeat("a", 65), `{"ipv4":"10.0.0.1"}`, `id must be 1 to 64 letters, digits or characters of _/:.@-, got "` + strings.Repeat("a", 60) + `…"`},
		{path + "a%20b", `{"ipv4":"10.0.0.1"}`, `id must be 1 to 64 letters, digits or characters of _/:.@-, got "a b"`},
		{"/v1/namespaces/%FF/services/%00/instances/a", `{"ipv4":"10.0.0.1"}`, `namespace must be UTF-8, got "\xff"; service must not have control characters, got "\x00"`},
		{"/v1/namespaces/n/services/" + strings.Repeat("%C3%BC", 512) + "/instances/a", `{"ipv4":"10.0.0.1"}`, `service must be shorter than 1024 bytes, of which each / and % counts three, got "` + strings.Repeat("ü", 30) + `…"`},
		{"/v1/namespaces/" + strings.Repeat("%2F", 342) + "/services/s/instances/a", `{"ipv4":"10.0.0.1"}`, `namespace must be shorter than 1024 bytes, of which each / and % counts three, got "` + strings.Repeat("/", 60) + `…"`},
		{"/v1/namespaces/n/services/" + strings.Repeat("s", 1025) + "/instances/a", `{"ipv4":"10.0.0.1"}`, `service must have between 1 and 1024 characters, got "` + strings.Repeat("s", 60) + `…"`},
	} {
		s.ask("PUT", c.path, c.body).fails(badRequest, c.message)
	}
	s.ask("GET", "/v1/instances?service=&namespace=", "").fails(badRequest,
		`namespace must have between 1 and 1024 characters, got ""; service must have between 1 and 1024 characters, got ""`)
	s.ask("DELETE", path+"a%20b", "").failsWith(badRequest)
	s.ask("GET", "/v1/instances", "").equal(`{"instances":[]}`)
}
