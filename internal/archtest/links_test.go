package archtest_test

import (
	"os"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/ownmesh/ownmesh/internal/archtest"
	"github.com/ownmesh/ownmesh/internal/envoybin"
)

func TestLinksOfThisRepository(t *testing.T) {
	broken, err := archtest.Links(os.DirFS(envoybin.Root()))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range broken {
		t.Error(line)
	}
}

func TestBrokenLinksAreCaught(t *testing.T) {
	got, err := archtest.Links(fstest.MapFS{
		"docs/a.md": {Data: []byte("# The `ownmesh` page, at last\n## Limits\n## Limits\n" +
			"[up](../README.md) [self](#limits-1) [code](../x/x.go) [folder](../x) [web](https://example.com/a#b) [b](b%20c.md#über-uns)\n" +
			"[gone](gone.md) [no heading](../README.md#two) [here](#limits-2) [dir](../y/)\n" +
			"`[a](code.md)` and [`TestX`](../x/gone_test.go)\n" +
			"```\n[a](fenced.md)\n# Fenced\n```\n" +
			"    [a](indented.md)\n" +
			"[not one](#fenced)\n")},
		"docs/b c.md":    {Data: []byte("### Über uns!\n")},
		"README.md":      {Data: []byte("[a](docs/a.md#the-ownmesh-page-at-last)\n")},
		".tools/old.md":  {Data: []byte("[gone](gone.md)\n")},
		"x/x.go":         {Data: []byte("package x\n")},
		"x/testdata/.md": {Data: []byte("[gone](gone.md)\n")},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"docs/a.md:5 links to gone.md, but there is no docs/gone.md",
		"docs/a.md:5 links to ../README.md#two, but README.md has no heading #two",
		"docs/a.md:5 links to #limits-2, but docs/a.md has no heading #limits-2",
		"docs/a.md:5 links to ../y/, but there is no y",
		"docs/a.md:6 links to ../x/gone_test.go, but there is no x/gone_test.go",
		"docs/a.md:12 links to #fenced, but docs/a.md has no heading #fenced",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
