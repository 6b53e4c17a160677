package events

import (
	"regexp"
	"strings"
	"testing"
)

// TestSegments: whatever a mesh or relay is called, its path is a key that every artifact store takes, and no two
// names share one.
func TestSegments(t *testing.T) {
	key := regexp.MustCompile(`^names/[A-Za-z0-9._-]{1,120}$`)
	seen := map[string]string{}
	for _, name := range []string{
		"shop", "Shop", "shop-2_b.c", ".shop", "", ".", "..", "...", "/", "a/b", "a%2Fb", "../shop", "a b", "ä", "a\u0308", "日本語", "\x00", "\xff", "\xfe",
		strings.Repeat("a", 120), strings.Repeat("a", 121), strings.Repeat("語", 255), "sha256-", "sha256-a", segment("a/b"),
	} {
		path := NamePath(name)
		if segment := strings.TrimPrefix(path, "names/"); !key.MatchString(path) || strings.Trim(segment, ".") == "" {
			t.Errorf("%q has the path %q, which is no key", name, path)
		}
		if other, ok := seen[path]; ok {
			t.Errorf("%q and %q share the path %q", name, other, path)
		}
		seen[path] = name
	}
	if got := NamePath("shop"); got != "names/shop" {
		t.Errorf("a plain name's path is %q, want it readable", got)
	}
	if got := StatusPath("u", "relay/1"); !strings.HasPrefix(got, "meshes/u/status/sha256-") {
		t.Errorf("a relay's path is %q", got)
	}
}
