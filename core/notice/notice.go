// Package notice is how the parts of Ownmesh tell the outside what happened: the port for what carries events, and
// the events that are made of what the journal says.
//
// To tell is never part of the work: it comes after it, takes bounded time, and where it fails that is logged and
// nothing else. So an event may be missing, and, as handlers run again, doubled; the API always tells the truth. It
// imports no compiler and no technology. Start with Tell.
package notice

import (
	"context"
	"log/slog"
	"time"

	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/store"
	"github.com/ownmesh/ownmesh/events"
)

// Publisher carries events to the outside. An error means that some may not have arrived.
type Publisher interface {
	Publish(ctx context.Context, all ...events.Event) error
}

// Place is where an installation is, for ARNs. The zero Place makes none.
type Place struct {
	Partition string // "aws"
	Region    string
}

// ARNs is the ARN of a resource, or nothing where a part of it is not known.
func (p Place) ARNs(account, mesh string, k resource.Key) []string {
	if p.Partition == "" || p.Region == "" || account == "" || mesh == "" {
		return nil
	}
	return []string{k.ARN(p.Partition, p.Region, account, mesh)}
}

// patience is how long the work that events tell of goes on for their sake.
const patience = 3 * time.Second

// Tell publishes events. A nil p has no listeners; a nil log is not written to.
func Tell(ctx context.Context, p Publisher, log *slog.Logger, all ...events.Event) {
	if p == nil || len(all) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := p.Publish(ctx, all...); err != nil && log != nil {
		log.Warn("events may not have been told", "events", len(all), "first", all[0].DetailType, "err", err)
	}
}

// ResourceChanged is what a journal entry of a mesh says. account may be "" where it is not known.
func ResourceChanged(p Place, account, mesh, uid string, e store.Entry) events.Event {
	d := events.ResourceChanged{
		About:  events.About{Mesh: mesh, MeshUID: uid, Generation: e.Generation, Time: e.At},
		Change: events.Deleted, Kind: string(e.Key.Kind), Parent: e.Key.Parent, Name: e.Key.Name,
		Caller: e.Caller, RequestID: e.RequestID,
	}
	if e.Resource != nil {
		d.ResourceVersion = e.Resource.Version
		d.Change = events.Updated
		if e.Resource.Version == 1 {
			d.Change = events.Created
		}
	}
	return d.Event(p.ARNs(account, mesh, e.Key)...)
}
