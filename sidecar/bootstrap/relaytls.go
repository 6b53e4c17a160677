package bootstrap

import (
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	injectorv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/credential_injector/v3"
	codecv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/upstream_codec/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	genericv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/http/injected_credentials/generic/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/types/known/durationpb"
	"sigs.k8s.io/yaml"
)

// This file: how the proxy reaches a relay that is not on its machine: by TLS, and with a stream token that is renewed
// while it runs.

// The files in Options.Credentials. All are replaced by writing another and renaming it: Envoy sees no other change.
const (
	TokenFile  = "token"      // the stream token, and nothing else
	SecretFile = "token.yaml" // TokenSecret: tells Envoy where the token is; must be there when Envoy starts
	CAFile     = "ca.pem"     // the authority that signs relays' certificates; must be there when Envoy starts
)

const (
	tokenSecret = "ownmesh_token"

	// A relay that comes back after an update greets thousands: their handshakes take it seconds.
	tlsConnectTimeout = 5 * time.Second
)

// TokenSecret is the content of SecretFile in a folder.
func TokenSecret(folder string) ([]byte, error) {
	if err := checkCredentials(folder); err != nil {
		return nil, err
	}
	return yaml.Marshal(map[string]any{"resources": []any{map[string]any{
		"@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret",
		"name":  tokenSecret,
		"generic_secret": map[string]any{
			"secret": map[string]any{"filename": filepath.Join(folder, TokenFile)},
		},
	}}})
}

func checkCredentials(folder string) error {
	if !filepath.IsAbs(folder) {
		return fmt.Errorf("folder of credentials %q must be an absolute path", folder)
	}
	return nil
}

// secureRelayCluster is the relay at host:port, which may be a name with several addresses.
func secureRelayCluster(address, credentials string) (*clusterv3.Cluster, error) {
	if err := checkCredentials(credentials); err != nil {
		return nil, err
	}
	host, port, err := splitHost(address)
	if err != nil {
		return nil, fmt.Errorf("relay's address: %w", err)
	}
	c := staticCluster(relayName, &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
		Address: host, PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: port},
	}}})
	c.ConnectTimeout = durationpb.New(tlsConnectTimeout)
	san := &tlsv3.SubjectAltNameMatcher{SanType: tlsv3.SubjectAltNameMatcher_IP_ADDRESS, Matcher: exactly(host)}
	sni := ""
	if _, err := netip.ParseAddr(host); err != nil {
		// Each 5 s by default: so soon is a relay found that takes another's place.
		c.ClusterDiscoveryType = &clusterv3.Cluster_Type{Type: clusterv3.Cluster_STRICT_DNS}
		c.DnsLookupFamily = clusterv3.Cluster_V4_PREFERRED
		san.SanType, sni = tlsv3.SubjectAltNameMatcher_DNS, host
	}
	if c.TransportSocket, err = relayTLS(san, sni, credentials); err != nil {
		return nil, err
	}
	filters, err := tokenFilters(credentials)
	if err != nil {
		return nil, err
	}
	return c, speakHTTP2(c, relayKeepalive(), filters...)
}

// splitHost takes "relay.shop.internal:15010" apart.
func splitHost(address string) (host string, port uint32, err error) {
	host, text, err := net.SplitHostPort(address)
	if err != nil || host == "" || strings.ContainsAny(address, "/ ") { // a URL is none
		return "", 0, fmt.Errorf("%q must be host:port", address)
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n == 0 {
		return "", 0, fmt.Errorf("%q must have a port between 1 and 65535", address)
	}
	return host, uint32(n), nil
}

func exactly(text string) *matcherv3.StringMatcher {
	return &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_Exact{Exact: text}}
}

func relayTLS(san *tlsv3.SubjectAltNameMatcher, sni, credentials string) (*corev3.TransportSocket, error) {
	tls, err := anyOf(&tlsv3.UpstreamTlsContext{
		Sni: sni,
		CommonTlsContext: &tlsv3.CommonTlsContext{
			AlpnProtocols: []string{"h2"},
			TlsParams:     &tlsv3.TlsParameters{TlsMinimumProtocolVersion: tlsv3.TlsParameters_TLSv1_3, TlsMaximumProtocolVersion: tlsv3.TlsParameters_TLSv1_3},
			ValidationContextType: &tlsv3.CommonTlsContext_ValidationContext{ValidationContext: &tlsv3.CertificateValidationContext{
				TrustedCa:                 &corev3.DataSource{Specifier: &corev3.DataSource_Filename{Filename: filepath.Join(credentials, CAFile)}},
				MatchTypedSubjectAltNames: []*tlsv3.SubjectAltNameMatcher{san},
			}},
		},
	})
	if err != nil {
		return nil, err
	}
	return &corev3.TransportSocket{
		Name: "envoy.transport_sockets.tls", ConfigType: &corev3.TransportSocket_TypedConfig{TypedConfig: tls},
	}, nil
}

// tokenFilters put the token on each stream. A header from initial_metadata would be in /config_dump, for ever the same.
func tokenFilters(credentials string) ([]*hcmv3.HttpFilter, error) {
	generic, err := anyOf(&genericv3.Generic{
		Credential: &tlsv3.SdsSecretConfig{Name: tokenSecret, SdsConfig: &corev3.ConfigSource{
			ResourceApiVersion: corev3.ApiVersion_V3,
			ConfigSourceSpecifier: &corev3.ConfigSource_PathConfigSource{PathConfigSource: &corev3.PathConfigSource{
				Path: filepath.Join(credentials, SecretFile), WatchedDirectory: &corev3.WatchedDirectory{Path: credentials},
			}},
		}},
		HeaderValuePrefix: "Bearer ",
	})
	if err != nil {
		return nil, err
	}
	injector, err := anyOf(&injectorv3.CredentialInjector{
		Overwrite:  true,
		Credential: &corev3.TypedExtensionConfig{Name: "envoy.http.injected_credentials.generic", TypedConfig: generic},
	})
	if err != nil {
		return nil, err
	}
	codec, err := anyOf(&codecv3.UpstreamCodec{})
	return []*hcmv3.HttpFilter{
		{Name: "envoy.filters.http.credential_injector", ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: injector}},
		{Name: "envoy.filters.http.upstream_codec", ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: codec}},
	}, err
}
