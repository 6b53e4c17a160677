// Package instances tells register that a service's instances changed through the API: a message for each mesh, since
// any may name the service. Register leaves those alone that don't. Start with Tell.
package instances

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"github.com/ownmesh/ownmesh/adapters/sqs"
	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/core/sweep"
	"github.com/ownmesh/ownmesh/events"
)

// patience bounds what an API call waits. What is not told in time, the next sweep finds.
const patience = 5 * time.Second

// Sender is a queue; *sqs.Queue is one.
type Sender interface {
	Send(ctx context.Context, messages ...sqs.Message) []error
}

// Tell gives the function that api.Options wants. It fails nobody's call: the registry has the change already.
func Tell(s sweep.Lister, register Sender, log *slog.Logger) func(endpoint.ServiceKey) {
	return func(service endpoint.ServiceKey) {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := tell(ctx, s, register, service); err != nil {
			log.Error("register could not be told, the next sweep makes up for it", "namespace", service.Namespace, "service", service.Service, "err", err)
		}
	}
}

func tell(ctx context.Context, s sweep.Lister, register Sender, service endpoint.ServiceKey) error {
	uids, err := sweep.Present(ctx, s)
	if err != nil {
		return err
	}
	messages := make([]sqs.Message, len(uids))
	for i, uid := range uids {
		body, err := json.Marshal(events.RegisterMessage{
			InstancesChanged: &events.InstancesChanged{UID: uid, Namespace: service.Namespace, Service: service.Service},
		})
		if err != nil {
			return err
		}
		messages[i] = sqs.Message{Group: uid, Body: string(body)}
	}
	return errors.Join(register.Send(ctx, messages...)...)
}
