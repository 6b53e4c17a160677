package graph

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/ownmesh/ownmesh/core/resource"
)

// Certificate says where a proxy's own certificate and its private key come from. At most one of File, SDS and ACM is
// set; none: it can't be had.
type Certificate struct {
	File CertificateFiles
	SDS  string // the name of a secret of the proxy's local SDS socket
	ACM  string // an ARN: Serves and the like replace it by File
}

// CertificateFiles are paths on the proxy's disk, of PEM files. Keys never leave it.
type CertificateFiles struct {
	Chain, Key string
}

func (c Certificate) usable() bool { return c.File != CertificateFiles{} || c.SDS != "" }

// Trust says where the authorities come from that a peer's certificate must be signed by. At most one of its members
// is set; none: nobody can be trusted.
type Trust struct {
	File string   // the path of a PEM file on the proxy's disk
	SDS  string   // the name of a secret of the proxy's local SDS socket
	PEM  string   // the authorities themselves
	ACM  []string // ARNs: resolving replaces them by PEM
}

func (t Trust) usable() bool { return t.File != "" || t.SDS != "" || t.PEM != "" }

// ServerTLS is how a listener speaks TLS.
type ServerTLS struct {
	Permissive  bool // plain text is taken too
	Certificate Certificate
	Clients     *Peers // nil: clients need no certificate
}

// Peers are who a certificate may belong to.
type Peers struct {
	Trust Trust
	SANs  []string // subject alternative names, of which one must be in the certificate; none: any will do. Sorted
}

// Permissive says whether a listener takes TLS and plain text.
func (l Listener) Permissive() bool { return l.TLS != nil && l.TLS.Permissive }

// ClientTLS is a client policy: what a caller demands of those it calls.
type ClientTLS struct {
	Enforce     bool
	Ports       []int        `json:"-"` // of the backend; none: all
	Certificate *Certificate // shown if the server asks; nil: none
	Peers       Peers        // without SANs: the target's name in service discovery
}

// Upstream is how a caller speaks TLS with one listener.
type Upstream struct {
	Certificate *Certificate
	Peers       *Peers // nil: whoever answers is taken
	ServerName  string // asked for in the handshake; "" for none
}

// Material is what is known of a certificate, or of an authority, that a spec names by ARN.
type Material struct {
	Files       CertificateFiles // where a proxy finds it with its key; empty: it can't be served with
	Authorities string           // PEM, of what signed it, or of the authority itself; "": nobody can check it
	Problem     string           // why it can't be used, though it is there; for people
}

// absent says why a certificate can't be used.
func (m Material) absent(what, arn string) string {
	if m.Problem != "" {
		return fmt.Sprintf("%s %q can't be used (%s)", what, arn, m.Problem)
	}
	return fmt.Sprintf("there is no %s %q", what, arn)
}

// Materials looks up certificates by ARN.
type Materials func(arn string) Material

// readServerTLS reads a listener's TLS; nil: plain text only.
func readServerTLS(t *resource.ListenerTLS, path string, n *Notes) *ServerTLS {
	if t == nil || t.Mode == "DISABLED" {
		return nil
	}
	s := &ServerTLS{Permissive: t.Mode == "PERMISSIVE"}
	switch c := t.Certificate; {
	case c.File != nil:
		s.Certificate.File = CertificateFiles{Chain: c.File.CertificateChain, Key: c.File.PrivateKey}
	case c.SDS != nil:
		s.Certificate.SDS = c.SDS.SecretName
	case c.ACM != nil:
		s.Certificate.ACM = c.ACM.CertificateARN
	default:
		n.add("certificate-missing", path+".certificate", "the listener speaks TLS and has no certificate: it is not served", "give it one by file, sds or acm, or set the mode to DISABLED")
	}
	if v := t.Validation; v != nil {
		s.Clients = &Peers{SANs: readSANs(v.SubjectAlternativeNames)}
		switch {
		case v.Trust.File != nil:
			s.Clients.Trust.File = v.Trust.File.CertificateChain
		case v.Trust.SDS != nil:
			s.Clients.Trust.SDS = v.Trust.SDS.SecretName
		default:
			n.add("trust-missing", path+".validation.trust", "clients must show a certificate, and nothing says who may sign it: the listener is not served", "give the trust by file or sds, or remove the validation")
		}
	}
	return s
}

func readSANs(s *resource.SubjectAlternativeNames) []string {
	if s == nil {
		return nil
	}
	return slices.Compact(slices.Sorted(slices.Values(s.Match.Exact)))
}

// readClientPolicy reads a client policy; nil: none.
func readClientPolicy(p *resource.ClientPolicy, path string, n *Notes) *ClientTLS {
	if p == nil || p.TLS == nil {
		return nil
	}
	path += ".tls"
	c := &ClientTLS{
		Enforce: p.TLS.Enforce == nil || *p.TLS.Enforce, Ports: p.TLS.Ports,
		Peers: Peers{SANs: readSANs(p.TLS.Validation.SubjectAlternativeNames)},
	}
	switch t := p.TLS.Validation.Trust; {
	case t.File != nil:
		c.Peers.Trust.File = t.File.CertificateChain
	case t.SDS != nil:
		c.Peers.Trust.SDS = t.SDS.SecretName
	case t.ACM != nil:
		c.Peers.Trust.ACM = slices.Compact(slices.Sorted(slices.Values(t.ACM.CertificateAuthorityARNs)))
	}
	if c.Peers.Trust.File == "" && c.Peers.Trust.SDS == "" && len(c.Peers.Trust.ACM) == 0 {
		n.add("trust-missing", path+".validation.trust", "nothing says whose certificates are trusted: what this policy is for gets 503 wherever TLS is spoken", "give the trust by file, sds or acm")
	}
	if own := p.TLS.Certificate; own != nil {
		switch {
		case own.File != nil:
			c.Certificate = &Certificate{File: CertificateFiles{Chain: own.File.CertificateChain, Key: own.File.PrivateKey}}
		case own.SDS != nil:
			c.Certificate = &Certificate{SDS: own.SDS.SecretName}
		default:
			n.add("certificate-missing", path+".certificate", "the certificate has neither file nor sds: none is shown to servers that ask", "give it one, or remove the member")
		}
	}
	return c
}

// fits reports whether a policy is for calls of a service on a port, which lead to a node's port. Either may be meant.
func (c *ClientTLS) fits(service, node int) bool {
	return len(c.Ports) == 0 || slices.Contains(c.Ports, service) || slices.Contains(c.Ports, node)
}

// Key is a policy as text, without its ports: equal for equal policies, "" for none. ParsePolicy reads it.
func (c *ClientTLS) Key() string {
	if c == nil {
		return ""
	}
	text, err := json.Marshal(c)
	if err != nil {
		panic("graph: encode a policy of strings: " + err.Error())
	}
	return string(text)
}

// ParsePolicy reads what Key gave.
func ParsePolicy(key string) *ClientTLS {
	if key == "" {
		return nil
	}
	c := new(ClientTLS)
	if err := json.Unmarshal([]byte(key), c); err != nil {
		panic("graph: read a policy back: " + err.Error())
	}
	return c
}

// resolve replaces ARNs by what is known of them. It reports the ARNs of which too little is.
func (t Trust) resolve(known Materials) (Trust, []string) {
	var absent []string
	for _, arn := range t.ACM {
		pem := known(arn).Authorities
		if pem == "" {
			absent = append(absent, arn)
		}
		t.PEM += pem
	}
	if len(absent) > 0 {
		t.PEM = "" // the others alone would trust fewer than the user said
	}
	t.ACM = nil
	return t, absent
}

// Upstream is how a caller with a policy (nil: none) speaks TLS with the listener. tls is false for plain text; ok is
// false if TLS must be spoken and can't be: then nobody may be called.
func (o Offer) Upstream(policy *ClientTLS, known Materials) (u Upstream, tls, ok bool) {
	if !o.TLS && (policy == nil || !policy.Enforce) {
		return Upstream{}, false, true
	}
	name := o.Discovery.name()
	if isHostname(name) && !o.Discovery.isAddress() { // Envoy refuses a cluster with a longer one; Cloud Map's may be
		u.ServerName = name
	}
	peers := Peers{Trust: Trust{ACM: o.authorities()}}
	if policy != nil {
		u.Certificate = policy.Certificate
		peers = policy.Peers
		if len(peers.SANs) == 0 && name != "" {
			peers.SANs = []string{name}
		}
	} else if len(peers.Trust.ACM) == 0 {
		return u, true, true // of a certificate from a file or from SDS, App Mesh's callers took any
	}
	peers.Trust, _ = peers.Trust.resolve(known)
	u.Peers = &peers
	return u, true, peers.Trust.usable()
}

// authorities are the ARNs of what must have signed the listener's certificate, if its callers have no policy.
func (o Offer) authorities() []string {
	if o.ACM == "" {
		return nil
	}
	return []string{o.ACM}
}

// name is what the certificates of a node's instances are expected to be for; "" where nothing says.
func (d *Discovery) name() string {
	switch {
	case d == nil:
		return ""
	case d.CloudMap != nil:
		return d.CloudMap.Service + "." + d.CloudMap.Namespace
	}
	return d.Hostname
}

func (d *Discovery) isAddress() bool { return d != nil && d.CloudMap == nil && d.IsAddress() }

// secure is the listeners that can be served, their certificates found. What can't be secured is left out, never served
// in plain text.
func secure(ls []Listener, known Materials, n *Notes) []Listener {
	var out []Listener
	for _, l := range ls {
		if l.TLS != nil {
			tls := *l.TLS
			if arn := tls.Certificate.ACM; arn != "" {
				tls.Certificate = Certificate{File: known(arn).Files}
				if !tls.Certificate.usable() {
					n.add("certificate-absent", at("spec.listeners", l.Index)+".tls.certificate.acm.certificateArn", known(arn).absent("certificate", arn)+": the listener is not served until there is one", "give it by file or sds, or put it where Ownmesh looks for certificates")
				}
			}
			if !tls.Certificate.usable() || tls.Clients != nil && !tls.Clients.Trust.usable() {
				continue
			}
			l.TLS = &tls
		}
		out = append(out, l)
	}
	return out
}
