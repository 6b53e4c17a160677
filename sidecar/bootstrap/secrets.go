package bootstrap

import (
	"fmt"
	"strings"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
)

// SDSCluster is the name under which compiled configuration asks this machine's provider for secrets.
const SDSCluster = "static_cluster_sds_unix_socket"

func addSecrets(b *bootstrapv3.Bootstrap, _ NodeID, o Options) error {
	if o.SDSSocket == "" {
		return nil
	}
	if !strings.HasPrefix(o.SDSSocket, "/") {
		return fmt.Errorf("SDS socket %q must be an absolute path", o.SDSSocket)
	}
	c := staticCluster(SDSCluster, &corev3.Address{Address: &corev3.Address_Pipe{Pipe: &corev3.Pipe{Path: o.SDSSocket}}})
	b.StaticResources.Clusters = append(b.StaticResources.Clusters, c)
	return speakHTTP2(c, nil)
}
