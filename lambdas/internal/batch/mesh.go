package batch

import (
	"context"
	"log/slog"

	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/events"
)

// Compile is the work of the queue to compile.
func Compile(handle func(context.Context, events.MeshChanged) error, log *slog.Logger) Work[events.MeshChanged] {
	return Work[events.MeshChanged]{
		Logger: log,
		Parse: func(body string) (string, events.MeshChanged, error) {
			m, err := events.ParseMeshChanged(body)
			return m.UID, m, err
		},
		Look: func(uid string) events.MeshChanged { return events.MeshChanged{UID: uid} },
		Handle: func(ctx context.Context, _ string, messages []events.MeshChanged) error {
			merged := messages[0]
			for _, m := range messages[1:] {
				merged = merged.Merge(m)
			}
			return handle(ctx, merged)
		},
	}
}

// Registrar is what messages to register are for; *reconcile.Registrar has it.
type Registrar interface {
	Handle(ctx context.Context, e events.MeshChanged) error
	InstancesChanged(ctx context.Context, meshes []string, service endpoint.ServiceKey) error
}

// Register is the work of the queue to register.
func Register(r Registrar, log *slog.Logger) Work[events.RegisterMessage] {
	return Work[events.RegisterMessage]{
		Logger: log,
		Parse: func(body string) (string, events.RegisterMessage, error) {
			m, err := events.ParseRegisterMessage(body)
			return m.UID(), m, err
		},
		Look: func(uid string) events.RegisterMessage {
			return events.RegisterMessage{MeshChanged: &events.MeshChanged{UID: uid}}
		},
		Handle: func(ctx context.Context, uid string, messages []events.RegisterMessage) error {
			return register(ctx, r, uid, messages)
		},
	}
}

// register has the mesh looked at once, and each service once: to look at all of the mesh (generation 0) looks at its
// services, too, and to look at what changed in it does not.
func register(ctx context.Context, r Registrar, uid string, messages []events.RegisterMessage) error {
	var whole *events.MeshChanged
	var services []endpoint.ServiceKey
	seen := map[endpoint.ServiceKey]bool{}
	for _, m := range messages {
		switch {
		case m.MeshChanged != nil && whole != nil:
			merged := whole.Merge(*m.MeshChanged)
			whole = &merged
		case m.MeshChanged != nil:
			whole = m.MeshChanged
		default:
			s := endpoint.ServiceKey{Namespace: m.InstancesChanged.Namespace, Service: m.InstancesChanged.Service}
			if !seen[s] {
				seen[s] = true
				services = append(services, s)
			}
		}
	}
	if whole != nil {
		if err := r.Handle(ctx, *whole); err != nil || whole.Generation == 0 {
			return err
		}
	}
	for _, s := range services {
		if err := r.InstancesChanged(ctx, []string{uid}, s); err != nil {
			return err
		}
	}
	return nil
}
