package relay

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/events"
)

const (
	maxCachedNames = 10_000
	maxUID         = 64 // characters
	// namePatience is how long the store may take to say again what a name means: others wait for the answer.
	namePatience = 3 * time.Second
)

// names knows which mesh a name means now. A thousand Envoys that connect at once cost one request.
type names struct {
	objects  artifact.Objects
	validFor time.Duration
	now      func() time.Time

	mu    sync.Mutex
	known map[string]*meaning
}

// meaning is what one name means. Its lock is held while it is asked for, so that others wait for the answer.
type meaning struct {
	mu    sync.Mutex
	uid   string // "": no mesh has this name
	etag  string
	asked time.Time
}

// uid gives the uid that a name means; "": no mesh has it. An answer may be validFor old, or of any age while the
// artifact store can't be reached. since, if not zero, asks for an answer that is younger.
func (n *names) uid(ctx context.Context, mesh string, since time.Time) (string, error) {
	m := n.meaning(mesh)
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.asked.IsZero() && m.asked.After(since) && n.now().Sub(m.asked) < n.validFor {
		return m.uid, nil
	}
	limited, cancel := ctx, func() {}
	if m.uid != "" {
		limited, cancel = context.WithTimeout(ctx, namePatience)
	}
	defer cancel()
	data, etag, err := n.objects.GetIfChanged(limited, events.NamePath(mesh), m.etag)
	switch {
	case errors.Is(err, artifact.ErrNotFound):
		m.uid, m.etag = "", ""
	case err != nil && m.uid != "":
		// What it meant: a mesh that is served goes on being served. Who waits for the same answer gets it at once, or a
		// thousand Envoys would each wait for a store that is gone, one after the other.
		if ctx.Err() == nil {
			m.asked = n.now()
		}
		return m.uid, nil
	case err != nil:
		return "", fmt.Errorf("look up mesh %q: %w", mesh, err)
	case data != nil:
		uid := strings.TrimSpace(string(data))
		if !validUID(uid) {
			return "", fmt.Errorf("look up mesh %q: %s holds no uid", mesh, events.NamePath(mesh))
		}
		m.uid, m.etag = uid, etag
	}
	m.asked = n.now()
	return m.uid, nil
}

func (n *names) meaning(mesh string) *meaning {
	n.mu.Lock()
	defer n.mu.Unlock()
	m, ok := n.known[mesh]
	if !ok {
		if len(n.known) >= maxCachedNames {
			clear(n.known)
		}
		m = &meaning{}
		n.known[mesh] = m
	}
	return m
}

// validUID says whether a text can be a uid: it becomes part of keys.
func validUID(uid string) bool {
	if uid == "" || len(uid) > maxUID {
		return false
	}
	return strings.Trim(uid, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") == ""
}
