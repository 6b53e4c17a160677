package storetest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/store"
)

// hardNames hold what an encoding of keys may trip over. The longest that a store must take as every name of a key
// are 255 ASCII characters: in DynamoDB a sort key has 1,024 bytes, and holds the names of referrer and parent.
var hardNames = []string{
	"/", "//", "a/b", "#", "a#b", "ref#a#b", "virtualNode/a", "\x00", "\x00\x00", "a\x00", "a\x00b", "\x01", "a\x00\x01b",
	"a\x00\xc3\xbf", "a\x7f", " ", " a ", "a\n", "a|b", "a\\b", "a%2Fb", "a:b", "~", "*", ".", "..", "-", "_", "'", `"`, "<&>",
	"é", "e\u0301", "\u2028", "日本語", "\U0001F600", "\ufffd", "\ufeff", "mesh", "null", "0", "00",
	strings.Repeat("a", 255), strings.Repeat("a", 254) + "b", strings.Repeat("/", 255), strings.Repeat("#", 255),
	strings.Repeat("語", 255),
}

func names(s *suite) {
	m := s.mesh("shop")
	for _, name := range hardNames {
		c := s.putting(m.UID, node(name))
		c.AddRefs = []store.Ref{{Target: c.Put.Key, Referrer: router("of a node")}}
		c.Tags = map[string]string{"name": name}
		s.must(s.Commit(s.ctx, c))
	}
	for _, name := range hardNames {
		r, err := s.Get(s.ctx, m.UID, node(name))
		s.must(err)
		s.same("name", r.Name, name)
		tags, err := s.Tags(s.ctx, m.UID, node(name))
		s.must(err)
		s.same("tags", tags, map[string]string{"name": name})
		refs, err := s.Referrers(s.ctx, m.UID, node(name), 10)
		s.must(err)
		s.same(fmt.Sprintf("referrers of %q", name), refs, []resource.Key{router("of a node")})
	}
	want := slices.Clone(hardNames)
	slices.Sort(want) // by bytes
	list, err := s.List(s.ctx, m.UID, resource.KindVirtualNode, "", "", 1000)
	s.must(err)
	s.same("list", namesOf(list), want)
	for i, name := range want {
		list, err := s.List(s.ctx, m.UID, resource.KindVirtualNode, "", name, 1)
		s.must(err)
		s.same(fmt.Sprintf("the one after %q", name), namesOf(list), want[i+1:min(i+2, len(want))])
	}
	if got := len(s.pages(m.UID, 3)); got != len(want) {
		s.Errorf("pages hold %d resources, want %d", got, len(want))
	}

	for i, name := range hardNames {
		if len(name) > 255 {
			continue
		}
		uid := fmt.Sprint("hard", i)
		s.must(s.CreateMesh(s.ctx, newMesh(name, uid), nil, "r", "me"))
		got, err := s.MeshByName(s.ctx, name)
		s.must(err)
		s.same("mesh by name", []string{got.Name, got.UID}, []string{name, uid})
	}
}

// ambiguousNames are keys that an encoding could take for one another.
func ambiguousNames(s *suite) {
	m := s.mesh("shop")
	long := strings.Repeat("x", 255)
	keys := []resource.Key{
		route("a", "b/c"), route("a/b", "c"), route("a#b", "c"), route("a", "b#c"), route("a", "b"), route("", "a/b"),
		route("a\x00b", "c"), route("a", "b\x00c"), route("a\x00\x01b", "c"), route("a", "b\x00\x01c"), route("a", "\x00"), route("a\x00", "a"),
		{Kind: resource.KindGatewayRoute, Parent: "a", Name: "b"}, node("a/b"), router("a/b"), node("route/b"),
		route(long, long), route(long, long[1:]), route(long[1:], long),
	}
	for i, k := range keys {
		c := s.putting(m.UID, k)
		c.Put.UID = fmt.Sprint(i)
		s.must(s.Commit(s.ctx, c))
	}
	for i, k := range keys {
		r, err := s.Get(s.ctx, m.UID, k)
		s.must(err)
		if r.Key != k || r.UID != fmt.Sprint(i) {
			s.Errorf("%q is %q with uid %s", k, r.Key, r.UID)
		}
	}
	s.same("pages", sorted(s.pages(m.UID, 2)), sorted(keys))
	s.remove(m.UID, keys[0])
	for _, k := range keys[1:] {
		if _, err := s.Get(s.ctx, m.UID, k); err != nil {
			s.Errorf("%q went with %q: %v", k, keys[0], err)
		}
	}
}
