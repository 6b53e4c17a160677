package relay

import (
	"path"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"google.golang.org/protobuf/proto"
)

// asSpelled is Envoy's message with the names of files as users wrote them.
func asSpelled(message string) string {
	return strings.NewReplacer("///", "/", "//", "/").Replace(message)
}

// respelled is a refused secret as it is offered the nth time again: the same files, in other words. Envoy 1.40 keeps a
// hash of a certificate that it refused, and accepts the same words without a look at the files. It is the same version
// for all else. Its words are never the first offer's either, so that a new stream begins with others, too.
func respelled(e *entry, n int) *entry {
	var s tlsv3.Secret
	if err := proto.Unmarshal(e.body.ReadOnlyData(), &s); err != nil {
		return e
	}
	slashes := strings.Repeat("/", 1+n%2)
	for _, d := range []*corev3.DataSource{
		s.GetTlsCertificate().GetCertificateChain(), s.GetTlsCertificate().GetPrivateKey(), s.GetValidationContext().GetTrustedCa(),
	} {
		if name, ok := d.GetSpecifier().(*corev3.DataSource_Filename); ok && path.IsAbs(name.Filename) {
			name.Filename = slashes + name.Filename
		}
	}
	body, err := deterministic.Marshal(&s)
	if err != nil {
		return e
	}
	return newEntry(secret, e.name, e.hash, body, e.needs)
}
