package cloudmap

import (
	"fmt"

	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/internal/attempts"
)

// refused turns what Cloud Map won't do into a refusal, code unless the caller may not: another try would end alike.
func refused(err error, code string, key endpoint.ServiceKey) error {
	if endpoint.RefusalOf(err) != nil {
		return err
	}
	operation, said := attempts.Refused(err)
	switch {
	case attempts.IsDenied(err):
		return &endpoint.RefusalError{
			Kind: endpoint.Denied, Code: "cloud-map-denied",
			Message: fmt.Sprintf("Cloud Map does not let Ownmesh call %s for service %q in %q: the mesh's log goes on with what is known, and with Ownmesh's own table", operation, key.Service, key.Namespace),
			Hint:    fmt.Sprintf("allow servicediscovery:%s to the role of the register function, also in the organization's policies", operation),
		}
	case attempts.IsRefusal(err):
		return &endpoint.RefusalError{
			Code:    code,
			Message: fmt.Sprintf("Cloud Map refuses %s for service %q in %q (%s): the mesh's log goes on with what is known, and with Ownmesh's own table", operation, key.Service, key.Namespace, said),
			Hint:    "use names and attributes that Cloud Map takes, and see the account's quotas",
		}
	}
	return err
}
