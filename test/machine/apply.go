package machine

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	yaml3 "go.yaml.in/yaml/v3"

	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/internal/client"
)

// User speaks to an API, wherever that runs, as a test would.
type User struct {
	*client.Client
	// Mesh is the mesh that is meant where a document or a call names none: the first that was applied.
	Mesh string

	tb testing.TB
}

// NewUser makes the user of a client for one test.
func NewUser(tb testing.TB, c *client.Client) *User { return &User{Client: c, tb: tb} }

// document is one resource as a test writes it: the input of a Create call plus its kind.
type document struct {
	client.Ref
	spec json.RawMessage
}

// Apply creates or updates what the YAML documents say, in an order in which that works, waits until it is published,
// and returns the generation. Each document is one API call, and so one generation.
func (m *User) Apply(documents string) int64 {
	m.tb.Helper()
	docs, err := m.parse(documents)
	if err != nil {
		m.tb.Fatal(err)
	}
	for _, d := range docs {
		_, err := m.Create(m.tb.Context(), d.Ref, d.spec, nil)
		if e := (*client.Error)(nil); errors.As(err, &e) && e.Status == http.StatusConflict {
			_, err = m.Update(m.tb.Context(), d.Ref, d.spec)
		}
		if err != nil {
			m.tb.Fatalf("apply %s: %v", d.Key, err)
		}
	}
	return m.Published()
}

// Delete deletes resources of the user's mesh, named as in ARNs: virtualNode/cart, virtualRouter/cart/route/v2. It
// waits until that is published.
func (m *User) Delete(names ...string) int64 {
	m.tb.Helper()
	for _, name := range names {
		if _, err := m.Client.Delete(m.tb.Context(), m.Ref(name)); err != nil {
			m.tb.Fatalf("delete %s: %v", name, err)
		}
	}
	return m.Published()
}

// Ref is a resource of the user's mesh by its name in ARNs. No name in tests holds a slash.
func (m *User) Ref(name string) client.Ref {
	m.tb.Helper()
	parts := strings.Split(name, "/")
	key := resource.Key{Kind: resource.Kind(parts[len(parts)-2]), Name: parts[len(parts)-1]}
	if len(parts) == 4 {
		key.Parent = parts[1]
	}
	return client.Ref{Mesh: m.Mesh, Key: key}
}

// DeleteMesh deletes a mesh and everything in it.
func (m *User) DeleteMesh(mesh string) {
	m.tb.Helper()
	for _, info := range slices.Backward(resource.Kinds) {
		refs := []client.Ref{{Mesh: mesh, Key: resource.Key{Kind: resource.KindMesh, Name: mesh}}}
		if info.Kind != resource.KindMesh {
			var err error
			if refs, err = m.Refs(m.tb.Context(), mesh, info.Kind, ""); err != nil {
				m.tb.Fatal(err)
			}
		}
		for _, ref := range refs {
			if _, err := m.Client.Delete(m.tb.Context(), ref); err != nil {
				m.tb.Fatalf("delete %s: %v", ref.Key, err)
			}
		}
	}
}

// Published waits until what is committed now of the user's mesh is published, and returns that generation.
func (m *User) Published() int64 {
	m.tb.Helper()
	committed := m.status().Generation
	Eventually(m.tb, fmt.Sprintf("generation %d to be published", committed), func() string {
		if s := m.status(); s.Published < committed {
			return fmt.Sprintf("generation %d is", s.Published)
		}
		return ""
	})
	return committed
}

// Proxy is the status of the user's mesh's proxy with this resource and instance, if it is connected.
func (m *User) Proxy(name, instance string) (client.Proxy, bool) {
	m.tb.Helper()
	for _, p := range m.status().Proxies {
		if p.Resource == name && p.Instance == instance {
			return p, true
		}
	}
	return client.Proxy{}, false
}

func (m *User) status() client.Status {
	m.tb.Helper()
	s, err := m.Status(m.tb.Context(), m.Mesh)
	if err != nil {
		m.tb.Fatalf("read the status: %v", err)
	}
	return s
}

// parse reads documents, and sorts them as they can be created.
func (m *User) parse(text string) ([]document, error) {
	var docs []document
	decoder := yaml3.NewDecoder(strings.NewReader(text))
	for n := 1; ; n++ {
		var members map[string]any
		if err := decoder.Decode(&members); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("document %d: %w", n, err)
		}
		if members == nil {
			continue
		}
		d, err := m.document(members)
		if err != nil {
			return nil, fmt.Errorf("document %d: %w", n, err)
		}
		docs = append(docs, d)
	}
	slices.SortStableFunc(docs, func(a, b document) int { return cmp.Compare(rank(a.Kind), rank(b.Kind)) })
	return docs, nil
}

func (m *User) document(members map[string]any) (document, error) {
	text := func(member string) string { s, _ := members[member].(string); return s }
	info, ok := resource.ParseKind(text("kind"))
	if !ok {
		return document{}, fmt.Errorf("unknown kind %q", text("kind"))
	}
	if info.Kind == resource.KindMesh {
		m.Mesh = cmp.Or(m.Mesh, text(info.NameMember))
	}
	d := document{Ref: client.Ref{
		Mesh: cmp.Or(text("meshName"), m.Mesh),
		Key:  resource.Key{Kind: info.Kind, Name: text(info.NameMember)},
	}}
	if parent, ok := resource.InfoOf(info.Parent); ok {
		d.Parent = text(parent.NameMember)
	}
	if spec := members["spec"]; spec != nil {
		var b bytes.Buffer
		if err := json.NewEncoder(&b).Encode(spec); err != nil {
			return document{}, err
		}
		d.spec = b.Bytes()
	}
	return d, nil
}

func rank(k resource.Kind) int {
	if k == resource.KindInterception {
		return len(resource.Kinds) // it may name a node
	}
	return slices.IndexFunc(resource.Kinds, func(i resource.Info) bool { return i.Kind == k })
}
