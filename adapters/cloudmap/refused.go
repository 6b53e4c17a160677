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
			Message: fmt.Sprintf("Cloud Map does not let Ownmesh call %s for service %q in %q (%s): the mesh's log goes on with what is known, and with Ownmesh's own table", operation, key.Service, key.Namespace, said),
			// What lacks may be an action of Route 53 or EC2, which Cloud Map asks of callers: what it said names that.
			Hint: fmt.Sprintf("allow servicediscovery:%s, or the action that is named, to the role of the register function, also in the organization's policies", operation),
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
