package artifacttest

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/ownmesh/ownmesh/core/artifact"
)

func sizes(o *objects) {
	for name, size := range map[string]int{"empty": 0, "small": 1, "page": 4096, "big": 5 << 20} {
		data := bytes.Repeat([]byte("0123456789abcdef"), size/16+1)[:size]
		tag := o.create("size/"+name, string(data))
		o.holds("size/"+name, string(data), tag)
	}
	_, etag, err := o.Get(o.ctx, "size/big")
	o.must(err)
	etag, err = o.Replace(o.ctx, "size/big", []byte("small now"), etag)
	o.must(err)
	o.holds("size/big", "small now", etag)
}

func keys(o *objects) {
	all := []string{
		"abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789", "-", "_", "-_.", "a.b", ".a", "..a", "a..", "...",
		"x/.hidden/a", "x/Case/a", "x/case/a", "x/CASE/a", "x/a", "x/A", strings.Repeat("d/", 100) + "e", strings.Repeat("a", 120), strings.Repeat("A", 120),
	}
	for _, key := range all {
		o.create(key, key)
	}
	for _, key := range all {
		data, _, err := o.Get(o.ctx, key)
		if err != nil || string(data) != key {
			o.Errorf("%q holds %q, %v", key, data, err)
		}
	}
	slices.Sort(all)
	o.lists("", "", 100, all...)
}

func badKeys(o *objects) {
	for _, key := range []string{
		"", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/..", "a/./b", "./a", "a b", "a\\b", `..\a`, "a\x00b", "a\n",
		"ä", "a%2fb", "~a", "a=b", "a*", "a:b", strings.Repeat("a/", 512) + "a",
	} {
		_, _, getErr := o.Get(o.ctx, key)
		_, _, changedErr := o.GetIfChanged(o.ctx, key, "tag")
		_, createErr := o.Create(o.ctx, key, nil)
		_, replaceErr := o.Replace(o.ctx, key, nil, "tag")
		for what, err := range map[string]error{
			"get": getErr, "get if changed": changedErr, "create": createErr, "replace": replaceErr, "delete": o.Delete(o.ctx, key),
		} {
			if err == nil || errors.Is(err, artifact.ErrNotFound) || errors.Is(err, artifact.ErrExists) || errors.Is(err, artifact.ErrChanged) {
				o.Errorf("%s of %.40q: got %v, want an error of its own", what, key, err)
			}
		}
	}
	o.lists("", "", 10)
}

func cancelled(o *objects) {
	tag := o.create("a", "1")
	ctx, cancel := context.WithCancel(o.ctx)
	cancel()
	_, _, getErr := o.Get(ctx, "a")
	_, _, changedErr := o.GetIfChanged(ctx, "a", "")
	_, createErr := o.Create(ctx, "b", nil)
	_, replaceErr := o.Replace(ctx, "a", nil, tag)
	_, listErr := o.List(ctx, "", "", 10)
	for what, err := range map[string]error{
		"get": getErr, "get if changed": changedErr, "create": createErr, "replace": replaceErr, "list": listErr, "delete": o.Delete(ctx, "a"),
	} {
		o.wants(what, err, context.Canceled)
	}
	o.holds("a", "1", tag)
	o.lists("", "", 10, "a")
}
