package envoy

import (
	"net/netip"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"

	"github.com/ownmesh/ownmesh/core/graph"
)

// SDSCluster is the bootstrap's way to the proxy's local SDS socket.
const SDSCluster = "static_cluster_sds_unix_socket"

// What a side of a connection offers to speak inside TLS.
var (
	alpnEither = []string{"h2", "http/1.1"}
	alpnHTTP1  = []string{"http/1.1"}
	alpnHTTP2  = []string{"h2"}
)

// CertificateSecret is a certificate with its key, as files that the proxy reads, and reads again when they are
// renamed into place.
func CertificateSecret(f graph.CertificateFiles) *tlsv3.Secret {
	return &tlsv3.Secret{Name: certificateName(f), Type: &tlsv3.Secret_TlsCertificate{TlsCertificate: &tlsv3.TlsCertificate{
		CertificateChain: file(f.Chain), PrivateKey: file(f.Key),
	}}}
}

// TrustSecret is authorities, as a file that the proxy reads.
func TrustSecret(path string) *tlsv3.Secret {
	return &tlsv3.Secret{Name: trustName(path), Type: &tlsv3.Secret_ValidationContext{ValidationContext: &tlsv3.CertificateValidationContext{
		TrustedCa: file(path),
	}}}
}

func certificateName(f graph.CertificateFiles) string {
	return "certificate:" + nameOfPath(f.Chain) + ":" + nameOfPath(f.Key)
}

func trustName(path string) string { return "trust:" + nameOfPath(path) }

// nameOfPath has no colon, so that no two pairs of files come to one name.
func nameOfPath(path string) string {
	return strings.NewReplacer("%", "%25", ":", "%3A").Replace(path)
}

func file(path string) *corev3.DataSource {
	return &corev3.DataSource{Specifier: &corev3.DataSource_Filename{Filename: path}}
}

// secured adds chains for connections to a listener: as the given one, in TLS, and in plain text too where that is
// permitted.
func secured(l *listenerv3.Listener, c *listenerv3.FilterChain, p graph.Listener) {
	if p.TLS == nil {
		l.FilterChains = append(l.FilterChains, c)
		return
	}
	in := &listenerv3.FilterChain{
		FilterChainMatch: matchOf(c), Filters: c.Filters, TransportSocket: serverSocket(p.TLS, p.Protocol),
	}
	l.FilterChains = append(l.FilterChains, in)
	if p.TLS.Permissive {
		in.FilterChainMatch.TransportProtocol = "tls"
		l.FilterChains = append(l.FilterChains, c)
	}
	if in.FilterChainMatch.DestinationPort == nil && in.FilterChainMatch.TransportProtocol == "" {
		in.FilterChainMatch = nil
	}
}

// matchOf is a copy of what a chain matches; never nil.
func matchOf(c *listenerv3.FilterChain) *listenerv3.FilterChainMatch {
	return &listenerv3.FilterChainMatch{DestinationPort: c.GetFilterChainMatch().GetDestinationPort()}
}

// permissive lists the ports where TLS and plain text must be told apart.
func permissive(ls []graph.Listener) []int {
	var ports []int
	for _, l := range ls {
		if l.Permissive() {
			ports = append(ports, l.Port.Port)
		}
	}
	return ports
}

func serverSocket(t *graph.ServerTLS, p graph.Protocol) *corev3.TransportSocket {
	common := &tlsv3.CommonTlsContext{}
	if p.HTTPLike() {
		common.AlpnProtocols = alpnEither
	}
	own(common, t.Certificate)
	context := &tlsv3.DownstreamTlsContext{CommonTlsContext: common}
	if t.Clients != nil {
		validate(common, *t.Clients)
		context.RequireClientCertificate = yes()
	}
	return &corev3.TransportSocket{
		Name:       "envoy.transport_sockets.tls",
		ConfigType: &corev3.TransportSocket_TypedConfig{TypedConfig: packed(context)},
	}
}

func clientSocket(u graph.Upstream, p graph.Protocol) *corev3.TransportSocket {
	common := &tlsv3.CommonTlsContext{}
	if p.HTTPLike() {
		common.AlpnProtocols = alpnOf(p)
	}
	if u.Certificate != nil {
		own(common, *u.Certificate)
	}
	if u.Peers != nil {
		validate(common, *u.Peers)
	}
	return &corev3.TransportSocket{
		Name:       "envoy.transport_sockets.tls",
		ConfigType: &corev3.TransportSocket_TypedConfig{TypedConfig: packed(&tlsv3.UpstreamTlsContext{CommonTlsContext: common, Sni: u.ServerName})},
	}
}

func alpnOf(p graph.Protocol) []string {
	if p.Multiplexed() {
		return alpnHTTP2
	}
	return alpnHTTP1
}

// own gives a side its certificate.
func own(c *tlsv3.CommonTlsContext, from graph.Certificate) {
	s := &tlsv3.SdsSecretConfig{Name: from.SDS, SdsConfig: overSDS()}
	if from.SDS == "" {
		s = &tlsv3.SdsSecretConfig{Name: certificateName(from.File), SdsConfig: overADS()}
	}
	c.TlsCertificateSdsSecretConfigs = []*tlsv3.SdsSecretConfig{s}
}

// validate makes a side check the other's certificate.
func validate(c *tlsv3.CommonTlsContext, p graph.Peers) {
	local := &tlsv3.CertificateValidationContext{MatchTypedSubjectAltNames: sans(p.SANs)}
	var secret *tlsv3.SdsSecretConfig
	switch {
	case p.Trust.PEM != "":
		local.TrustedCa = &corev3.DataSource{Specifier: &corev3.DataSource_InlineString{InlineString: p.Trust.PEM}}
		c.ValidationContextType = &tlsv3.CommonTlsContext_ValidationContext{ValidationContext: local}
		return
	case p.Trust.SDS != "":
		secret = &tlsv3.SdsSecretConfig{Name: p.Trust.SDS, SdsConfig: overSDS()}
	default:
		secret = &tlsv3.SdsSecretConfig{Name: trustName(p.Trust.File), SdsConfig: overADS()}
	}
	c.ValidationContextType = &tlsv3.CommonTlsContext_CombinedValidationContext{
		CombinedValidationContext: &tlsv3.CommonTlsContext_CombinedCertificateValidationContext{
			DefaultValidationContext: local, ValidationContextSdsSecretConfig: secret}}
}

// sans are matchers for names, of which one must be in the certificate. A wildcard in it covers a host's name.
func sans(names []string) []*tlsv3.SubjectAltNameMatcher {
	var out []*tlsv3.SubjectAltNameMatcher
	for _, name := range names {
		kind := tlsv3.SubjectAltNameMatcher_DNS
		if _, err := netip.ParseAddr(name); err == nil {
			kind = tlsv3.SubjectAltNameMatcher_IP_ADDRESS
		} else if strings.Contains(name, ":") { // spiffe://…, urn:…: no host's name has one
			kind = tlsv3.SubjectAltNameMatcher_URI
		}
		out = append(out, &tlsv3.SubjectAltNameMatcher{
			SanType: kind, Matcher: &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_Exact{Exact: name}},
		})
	}
	return out
}

// overSDS is where secrets of the local SDS socket come from.
func overSDS() *corev3.ConfigSource {
	return &corev3.ConfigSource{
		ConfigSourceSpecifier: &corev3.ConfigSource_ApiConfigSource{ApiConfigSource: &corev3.ApiConfigSource{
			ApiType: corev3.ApiConfigSource_GRPC, TransportApiVersion: corev3.ApiVersion_V3,
			GrpcServices: []*corev3.GrpcService{{TargetSpecifier: &corev3.GrpcService_EnvoyGrpc_{
				EnvoyGrpc: &corev3.GrpcService_EnvoyGrpc{ClusterName: SDSCluster}}}},
		}},
		ResourceApiVersion: corev3.ApiVersion_V3,
	}
}

// tlsInspectorOn leaves other ports than these alone: it waits for the client's first bytes, which never come where
// the server speaks first.
func tlsInspectorOn(ports ...int) *listenerv3.ListenerFilter {
	var rules []*listenerv3.ListenerFilterChainMatchPredicate
	for _, p := range ports {
		rules = append(rules, &listenerv3.ListenerFilterChainMatchPredicate{Rule: &listenerv3.ListenerFilterChainMatchPredicate_DestinationPortRange{
			DestinationPortRange: &typev3.Int32Range{Start: int32(p), End: int32(p) + 1}}})
	}
	any := rules[0]
	if len(rules) > 1 {
		any = &listenerv3.ListenerFilterChainMatchPredicate{Rule: &listenerv3.ListenerFilterChainMatchPredicate_OrMatch{
			OrMatch: &listenerv3.ListenerFilterChainMatchPredicate_MatchSet{Rules: rules}}}
	}
	f := tlsInspector()
	f.FilterDisabled = &listenerv3.ListenerFilterChainMatchPredicate{Rule: &listenerv3.ListenerFilterChainMatchPredicate_NotMatch{NotMatch: any}}
	return f
}
