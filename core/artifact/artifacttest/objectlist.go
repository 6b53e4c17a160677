package artifacttest

import (
	"fmt"
	"slices"
)

func list(o *objects) {
	o.lists("", "", 10)
	o.lists("meshes/", "", 10)
	for _, key := range []string{"meshes/u1/config/0001/0001", "meshes/u1/config/0001/0002", "meshes/u1/config/checkpoint", "meshes/u1/endpoints/checkpoint", "meshes/u2/report", "names/shop"} {
		o.create(key, "x")
	}
	o.lists("meshes/u1/config/", "", 10, "meshes/u1/config/0001/0001", "meshes/u1/config/0001/0002", "meshes/u1/config/checkpoint")
	o.lists("meshes/u1/config/0001/", "meshes/u1/config/0001/0001", 10, "meshes/u1/config/0001/0002")
	o.lists("meshes/u1/config/0001/", "meshes/u1/config/0001/0002", 10)
	o.lists("meshes/u", "", 10, "meshes/u1/config/0001/0001", "meshes/u1/config/0001/0002", "meshes/u1/config/checkpoint", "meshes/u1/endpoints/checkpoint", "meshes/u2/report")
	o.lists("meshes/u1/c", "meshes/u1/config/0001/0002", 10, "meshes/u1/config/checkpoint")
	o.lists("meshes/u1", "meshes/u1/d", 10, "meshes/u1/endpoints/checkpoint")
	o.lists("names/shop", "", 10, "names/shop")
	o.lists("names/shop/", "", 10)
	o.lists("names/sho", "names/shoo", 10, "names/shop")
	o.lists("name", "", 10, "names/shop")
	o.lists("x/y/z/", "", 10)
	o.lists("", "zzz", 10)
	o.lists("meshes/u2/", "a", 10, "meshes/u2/report") // after lies before the prefix
	o.lists("meshes/u1/", "names", 10)                 // and behind it
	for _, limit := range []int{0, -1} {
		if keys, err := o.List(o.ctx, "", "", limit); err == nil {
			o.Errorf("limit %d: got %v, want an error", limit, keys)
		}
	}
}

// listOrder: a store of folders must not sort folder by folder: "-" and "." come before "/", digits and letters after.
func listOrder(o *objects) {
	all := []string{
		"a", "a-b/c", "a.b", "b/a", "b-c", "b.c", "b0", "b/c/d", "b/c-d", "b/c.d/e", "B/a", "_", "b_c", "c/1", "c/10", "c/2",
	}
	for _, key := range all {
		o.create(key, "x")
	}
	slices.Sort(all)
	o.lists("", "", 100, all...)
	for i, key := range all {
		o.lists("", key, 3, all[i+1:min(i+4, len(all))]...)
		o.lists("", key+"-", 100, slices.DeleteFunc(slices.Clone(all), func(k string) bool { return k <= key+"-" })...)
	}
}

func listPages(o *objects) {
	var all []string
	for i := range 25 {
		all = append(all, fmt.Sprintf("log/%d/%02d", i%3, i))
	}
	for _, key := range all {
		o.create(key, "x")
	}
	o.create("other/1", "x")
	slices.Sort(all)
	for _, limit := range []int{1, 2, 7, 24, 25, 26, 1000} {
		var got []string
		for after := ""; ; after = got[len(got)-1] {
			page, err := o.List(o.ctx, "log/", after, limit)
			o.must(err)
			if len(page) > limit {
				o.Fatalf("a page of %d, limit is %d", len(page), limit)
			}
			if len(page) == 0 {
				break
			}
			got = append(got, page...)
		}
		if !slices.Equal(got, all) {
			o.Errorf("pages of %d: got %v, want %v", limit, got, all)
		}
	}
	// What goes between two pages takes nothing else along.
	o.must(o.Delete(o.ctx, all[9]))
	o.must(o.Delete(o.ctx, all[10]))
	o.lists("log/", all[9], 2, all[11], all[12])
}
