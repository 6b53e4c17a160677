package envoy

import (
	"fmt"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
)

// settleSecrets makes all that speaks TLS take its secrets from the bootstrap instead of from a control plane. It
// reports whether anything asks the local SDS socket.
func (s Static) settleSecrets() (sds bool, err error) {
	settle := func(t *corev3.TransportSocket) error {
		uses, err := settleSocket(t)
		sds = sds || uses
		return err
	}
	for _, l := range s.Listeners {
		for _, c := range l.FilterChains {
			if err := settle(c.TransportSocket); err != nil {
				return false, fmt.Errorf("listener %s: %w", l.Name, err)
			}
		}
	}
	for _, c := range s.Clusters {
		if err := settle(c.TransportSocket); err != nil {
			return false, fmt.Errorf("cluster %s: %w", c.Name, err)
		}
	}
	return sds, nil
}

func settleSocket(t *corev3.TransportSocket) (sds bool, err error) {
	config := t.GetTypedConfig()
	if config == nil {
		return false, nil
	}
	server, client := &tlsv3.DownstreamTlsContext{}, &tlsv3.UpstreamTlsContext{}
	if config.MessageIs(server) {
		if err := config.UnmarshalTo(server); err != nil {
			return false, fmt.Errorf("read the TLS context: %w", err)
		}
		sds = settleContext(server.CommonTlsContext)
		t.ConfigType = &corev3.TransportSocket_TypedConfig{TypedConfig: packed(server)}
		return sds, nil
	}
	if err := config.UnmarshalTo(client); err != nil {
		return false, fmt.Errorf("read the TLS context: %w", err)
	}
	sds = settleContext(client.CommonTlsContext)
	t.ConfigType = &corev3.TransportSocket_TypedConfig{TypedConfig: packed(client)}
	return sds, nil
}

func settleContext(c *tlsv3.CommonTlsContext) (sds bool) {
	configs := c.GetTlsCertificateSdsSecretConfigs()
	if trust := c.GetCombinedValidationContext().GetValidationContextSdsSecretConfig(); trust != nil {
		configs = append(configs, trust)
	}
	for _, s := range configs {
		if s.GetSdsConfig().GetAds() != nil {
			s.SdsConfig = nil // of this name in the bootstrap
		} else {
			sds = true
		}
	}
	return sds
}

// SDSSocket is the cluster of the proxy's local SDS socket, at this path.
func SDSSocket(path string) *clusterv3.Cluster {
	c := &clusterv3.Cluster{Name: SDSCluster, ConnectTimeout: span(connectRemote)}
	static(c, &corev3.Address{Address: &corev3.Address_Pipe{Pipe: &corev3.Pipe{Path: path}}})
	speak(c, "http2")
	return c
}
