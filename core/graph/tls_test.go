package graph

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ownmesh/ownmesh/core/resource"
)

func nothing(string) Material { return Material{} }

// What asks for TLS is never served in plain text: without a certificate, or without anybody to trust, not at all.
func TestListenersThatCannotBeSecured(t *testing.T) {
	const (
		file   = `"certificate":{"file":{"certificateChain":"/c","privateKey":"/k"}}`
		acm    = `"certificate":{"acm":{"certificateArn":"arn:cart"}}`
		none   = `"certificate":{}`
		nobody = `,"validation":{"trust":{}}`
	)
	known := func(arn string) Material {
		return Material{Files: CertificateFiles{Chain: "/acm/" + arn, Key: "/acm/key"}}
	}
	for _, test := range []struct {
		tls    string
		known  Materials
		served bool
		secure bool
		code   string
	}{
		{tls: `"mode":"STRICT",` + file, known: nothing, served: true, secure: true},
		{tls: `"mode":"PERMISSIVE",` + file, known: nothing, served: true, secure: true},
		{tls: `"mode":"DISABLED",` + none, known: nothing, served: true},
		{tls: `"mode":"DISABLED",` + acm, known: nothing, served: true},
		{tls: `"mode":"STRICT",` + acm, known: known, served: true, secure: true},
		{tls: `"mode":"STRICT",` + acm, known: nothing, code: "certificate-absent"},
		{tls: `"mode":"PERMISSIVE",` + acm, known: nothing, code: "certificate-absent"},
		{tls: `"mode":"STRICT",` + none, known: nothing, code: "certificate-missing"},
		{tls: `"mode":"STRICT",` + file + nobody, known: nothing, code: "trust-missing"},
	} {
		v, read := ReadNode(res(resource.KindVirtualNode, "n", `{"serviceDiscovery":{"dns":{"hostname":"h"}},
"listeners":[{"portMapping":{"port":80,"protocol":"http"},"tls":{`+test.tls+`}}]}`))
		s, found := v.Serves(Mesh{}, test.known)
		if served := len(s.Listeners) == 1; served != test.served {
			t.Errorf("%s: served %v, want %v", test.tls, served, test.served)
		} else if served && (s.Listeners[0].TLS != nil) != test.secure {
			t.Errorf("%s: %+v, want TLS %v", test.tls, s.Listeners[0].TLS, test.secure)
		}
		if got := codes(append(read, found...)); (test.code == "") != (len(got) == 0) || test.code != "" && !slices.Contains(got, test.code) {
			t.Errorf("%s: findings %v, want %q", test.tls, got, test.code)
		}
		if len(v.Ports()) != 1 {
			t.Errorf("%s: callers don't know the port any more, so their routes would lead elsewhere", test.tls)
		}
	}
}

func TestUpstream(t *testing.T) {
	dns := func(name string) *Discovery { return &Discovery{Hostname: name} }
	trust := Trust{File: "/ca"}
	enforced := &ClientTLS{Enforce: true, Peers: Peers{Trust: trust}}
	for name, test := range map[string]struct {
		offer  Offer
		policy *ClientTLS
		want   Upstream
		tls    bool
		held   bool
	}{
		"plain text":           {offer: Offer{Discovery: dns("cart.local")}},
		"the listener decides": {offer: Offer{Discovery: dns("cart.local"), TLS: true}, want: Upstream{ServerName: "cart.local"}, tls: true},
		"a policy that is not held to, plain text": {
			offer: Offer{Discovery: dns("cart.local")}, policy: &ClientTLS{Peers: Peers{Trust: trust}}},
		"a policy that is not held to, TLS": {
			offer: Offer{Discovery: dns("cart.local"), TLS: true}, policy: &ClientTLS{Peers: Peers{Trust: trust}},
			want: Upstream{ServerName: "cart.local", Peers: &Peers{Trust: trust, SANs: []string{"cart.local"}}}, tls: true},
		"enforced, towards plain text": {
			offer: Offer{Discovery: dns("bank.example")}, policy: enforced,
			want: Upstream{ServerName: "bank.example", Peers: &Peers{Trust: trust, SANs: []string{"bank.example"}}}, tls: true},
		"an address has no server name": {
			offer: Offer{Discovery: dns("10.0.0.1")}, policy: enforced,
			want: Upstream{Peers: &Peers{Trust: trust, SANs: []string{"10.0.0.1"}}}, tls: true},
		"Cloud Map": {
			offer: Offer{Discovery: &Discovery{CloudMap: &CloudMap{Namespace: "shop.local", Service: "cart"}}}, policy: enforced,
			want: Upstream{ServerName: "cart.shop.local", Peers: &Peers{Trust: trust, SANs: []string{"cart.shop.local"}}}, tls: true},
		"a name that no handshake can ask for": {
			offer: Offer{Discovery: &Discovery{CloudMap: &CloudMap{Namespace: "shop.local", Service: strings.Repeat("x", 250)}}}, policy: enforced,
			want: Upstream{Peers: &Peers{Trust: trust, SANs: []string{strings.Repeat("x", 250) + ".shop.local"}}}, tls: true},
		"own names": {
			offer: Offer{Discovery: dns("cart.local")}, policy: &ClientTLS{Enforce: true, Peers: Peers{Trust: trust, SANs: []string{"spiffe://cart"}}},
			want: Upstream{ServerName: "cart.local", Peers: &Peers{Trust: trust, SANs: []string{"spiffe://cart"}}}, tls: true},
		"nobody to trust": {
			offer: Offer{Discovery: dns("cart.local")}, policy: &ClientTLS{Enforce: true}, tls: true, held: true},
		"nobody to trust, which matters where TLS is spoken": {
			offer: Offer{Discovery: dns("cart.local"), TLS: true}, policy: &ClientTLS{}, tls: true, held: true},
		"a known authority": {
			offer: Offer{Discovery: dns("cart.local"), TLS: true, ACM: "arn:known"},
			want:  Upstream{ServerName: "cart.local", Peers: &Peers{Trust: Trust{PEM: "pem of arn:known"}}}, tls: true},
		"an absent authority": {offer: Offer{Discovery: dns("cart.local"), TLS: true, ACM: "arn:absent"}, tls: true, held: true},
		"one of two is absent": {
			offer: Offer{Discovery: dns("cart.local")}, policy: &ClientTLS{Enforce: true, Peers: Peers{Trust: Trust{ACM: []string{"arn:known", "arn:absent"}}}},
			tls: true, held: true},
	} {
		known := func(arn string) Material {
			if arn == "arn:absent" {
				return Material{}
			}
			return Material{Authorities: "pem of " + arn}
		}
		got, tls, ok := test.offer.Upstream(ParsePolicy(test.policy.Key()), known)
		if tls != test.tls || ok == test.held {
			t.Errorf("%s: TLS %v, ok %v", name, tls, ok)
		}
		if d := cmp.Diff(test.want, got); d != "" && !test.held {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}

// One cluster has one policy, whichever services lead to it.
func TestPickPolicies(t *testing.T) {
	policy := func(enforce bool, ca string, ports ...int) *ClientTLS {
		return &ClientTLS{Enforce: enforce, Ports: ports, Peers: Peers{Trust: Trust{File: ca}}}
	}
	cart := Destination{Node: "cart", Port: Port{Port: 8080, Protocol: HTTP}}
	use := func(service string, p *ClientTLS) Use {
		return Use{Service: service, Port: 80, Target: cart, Policy: p, Path: "of " + service}
	}
	for name, test := range map[string]struct {
		uses  []Use
		want  *ClientTLS
		clash []string // who loses
	}{
		"none":                      {uses: []Use{use("a", nil)}},
		"one":                       {uses: []Use{use("a", policy(true, "1"))}, want: policy(true, "1")},
		"not for this port":         {uses: []Use{use("a", policy(true, "1", 81))}},
		"for the service's port":    {uses: []Use{use("a", policy(true, "1", 80))}, want: policy(true, "1")},
		"for the node's port":       {uses: []Use{use("a", policy(true, "1", 8080))}, want: policy(true, "1")},
		"equal":                     {uses: []Use{use("a", policy(true, "1")), use("b", policy(true, "1", 80))}, want: policy(true, "1")},
		"the first counts":          {uses: []Use{use("a", policy(true, "1")), use("b", policy(true, "2"))}, want: policy(true, "1"), clash: []string{"b"}},
		"enforced counts more":      {uses: []Use{use("a", policy(false, "1")), use("b", policy(true, "2"))}, want: policy(true, "2"), clash: []string{"a"}},
		"any counts more than none": {uses: []Use{use("a", nil), use("b", policy(false, "2"))}, want: policy(false, "2"), clash: []string{"a"}},
	} {
		picked, found := PickPolicies(resource.Key{Kind: resource.KindVirtualNode, Name: "web"}, test.uses, nothing)
		if got := PolicyOf(picked, "cart", 8080); got != test.want.Key() {
			t.Errorf("%s: got %q, want %q", name, got, test.want.Key())
		}
		var clash []string
		for _, f := range found {
			clash = append(clash, fmt.Sprint(f.Code, " ", f.Path))
		}
		var want []string
		for _, c := range test.clash {
			want = append(want, "policy-clash of "+c)
		}
		if !slices.Equal(clash, want) {
			t.Errorf("%s: findings %v, want %v", name, clash, want)
		}
	}
}

// Each listener has its own policy, whatever order calls come in.
func TestPolicyOf(t *testing.T) {
	var uses []Use
	policyFor := func(node string, port int) *ClientTLS {
		return &ClientTLS{Enforce: true, Peers: Peers{Trust: Trust{File: fmt.Sprint("/", node, port)}}}
	}
	nodes, ports := []string{"c", "a", "b", "a/b", ""}, []int{443, 80, 8080}
	for _, node := range nodes {
		for _, port := range ports {
			if node != "b" {
				uses = append(uses, Use{Service: "s", Port: 1, Target: Destination{Node: node, Port: Port{Port: port}}, Policy: policyFor(node, port)})
			}
		}
	}
	picked, _ := PickPolicies(resource.Key{Kind: resource.KindVirtualNode, Name: "web"}, uses, nothing)
	for _, node := range nodes {
		for _, port := range ports {
			want := policyFor(node, port).Key()
			if node == "b" {
				want = ""
			}
			if got := PolicyOf(picked, node, port); got != want {
				t.Errorf("%s:%d: %q, want %q", node, port, got, want)
			}
		}
	}
}

func TestCertificateARNs(t *testing.T) {
	got := CertificateARNs(res(resource.KindVirtualNode, "n", `{
"listeners":[{"portMapping":{"port":80,"protocol":"http"},"tls":{"mode":"STRICT","certificate":{"acm":{"certificateArn":"c"}}}},
             {"portMapping":{"port":81,"protocol":"http"},"tls":{"mode":"DISABLED","certificate":{"acm":{"certificateArn":"unused"}}}}],
"backendDefaults":{"clientPolicy":{"tls":{"validation":{"trust":{"acm":{"certificateAuthorityArns":["b"]}}}}}},
"backends":[{"virtualService":{"virtualServiceName":"s","clientPolicy":{"tls":{"validation":{"trust":{"acm":{"certificateAuthorityArns":["a","c"]}}}}}}},
            {"virtualService":{"virtualServiceName":"t"}}]}`))
	if want := []string{"a", "b", "c"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
