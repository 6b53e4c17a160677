package folder

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// List implements artifact.Objects. Its cost grows with the folders that it reads, not with what else there is.
func (o *Objects) List(ctx context.Context, prefix, after string, limit int) ([]string, error) {
	if limit < 1 {
		return nil, errors.New("list: limit must be at least 1")
	}
	w := walk{fs: o.root.FS(), ctx: ctx, prefix: prefix, after: after, limit: limit}
	dir, key := ".", ""
	if i := strings.LastIndexByte(prefix, '/'); i >= 0 { // begin in the deepest folder that holds all of it
		name, err := fileName(ctx, prefix[:i])
		if err != nil {
			return nil, fmt.Errorf("list %q: %w", prefix, err)
		}
		dir, key = name, prefix[:i+1]
	}
	if err := w.visit(dir, key); err != nil {
		return nil, fmt.Errorf("list %s: %w", prefix, err)
	}
	return w.keys, nil
}

// walk collects keys in ascending order.
type walk struct {
	fs            fs.FS
	ctx           context.Context
	prefix, after string
	limit         int
	keys          []string
}

// child is a file or folder; key is its object's key, or what the keys in the folder begin with, slash included.
// Sorting by that is sorting what is inside: "a-b" < "a/" < "a0".
type child struct {
	name, key string
	dir       bool
}

func (w *walk) visit(dir, key string) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	entries, err := fs.ReadDir(w.fs, dir)
	if missing(err) {
		return nil
	}
	if err != nil {
		return err
	}
	children := make([]child, 0, len(entries))
	for _, e := range entries {
		c := child{name: path.Join(dir, e.Name()), dir: e.IsDir()}
		segment, ok := decodeSegment(e.Name())
		c.key = key + segment
		if c.dir {
			c.key += "/"
		}
		if ok && w.wants(c) {
			children = append(children, c)
		}
	}
	slices.SortFunc(children, func(a, b child) int { return strings.Compare(a.key, b.key) })
	for _, c := range children {
		if len(w.keys) == w.limit {
			return nil
		}
		if !c.dir {
			w.keys = append(w.keys, c.key)
		} else if err := w.visit(c.name, c.key); err != nil {
			return err
		}
	}
	return nil
}

// wants says whether a child can hold anything to list.
func (w *walk) wants(c child) bool {
	if c.dir {
		return (strings.HasPrefix(c.key, w.prefix) || strings.HasPrefix(w.prefix, c.key)) &&
			(c.key > w.after || strings.HasPrefix(w.after, c.key))
	}
	return strings.HasPrefix(c.key, w.prefix) && c.key > w.after
}
