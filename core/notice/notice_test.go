package notice_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/ownmesh/ownmesh/core/notice"
	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/store"
	"github.com/ownmesh/ownmesh/events"
)

// TestAJournalEntryIsToldAsTheSampleShows: what dispatch makes of an entry is what listeners were promised.
func TestAJournalEntryIsToldAsTheSampleShows(t *testing.T) {
	sample, err := os.ReadFile("../../events/testdata/resource-changed.json")
	if err != nil {
		t.Fatal(err)
	}
	var want events.Event
	if err := json.Unmarshal(sample, &want); err != nil {
		t.Fatal(err)
	}
	want.ID = ""
	d := want.Detail.(events.ResourceChanged)
	entry := store.Entry{
		Generation: 42, RequestID: d.RequestID, Caller: d.Caller, At: d.Time,
		Key: resource.Key{Kind: resource.KindRoute, Parent: "cart", Name: "by-weight"}, Resource: &resource.Resource{Version: 7},
	}
	place := notice.Place{Partition: "aws", Region: "eu-west-1"}
	if got := notice.ResourceChanged(place, "123456789012", d.Mesh, d.MeshUID, entry); !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v, want\n%+v", got, want)
	}
	for change, r := range map[events.ResourceChange]*resource.Resource{events.Created: {Version: 1}, events.Updated: {Version: 2}, events.Deleted: nil} {
		entry.Resource = r
		e := notice.ResourceChanged(notice.Place{}, "", "shop", "u", entry)
		if got := e.Detail.(events.ResourceChanged); got.Change != change || len(e.Resources) != 0 {
			t.Errorf("%+v is told as %q, with ARNs %v", r, got.Change, e.Resources)
		}
	}
}

type publisher func(context.Context, ...events.Event) error

func (p publisher) Publish(ctx context.Context, all ...events.Event) error { return p(ctx, all...) }

func TestTellingFailsNothing(t *testing.T) {
	var text bytes.Buffer
	log := slog.New(slog.NewTextHandler(&text, nil))
	e := events.MeshConverged{}.Event()
	notice.Tell(t.Context(), nil, log, e)
	asked := 0
	p := publisher(func(ctx context.Context, all ...events.Event) error {
		asked++
		if end, bounded := ctx.Deadline(); !bounded || time.Until(end) > 10*time.Second {
			t.Error("telling has no bound")
		}
		return errors.New("the bus is gone")
	})
	notice.Tell(t.Context(), p, log)
	notice.Tell(t.Context(), p, nil, e)
	if text.Len() > 0 || asked != 1 {
		t.Errorf("asked %d times, logged %s", asked, text.String())
	}
	notice.Tell(t.Context(), p, log, e)
	if !strings.Contains(text.String(), "the bus is gone") || !strings.Contains(text.String(), events.TypeMeshConverged) {
		t.Errorf("logged %q", text.String())
	}
}
