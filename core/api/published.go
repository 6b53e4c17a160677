package api

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/store"
	"github.com/ownmesh/ownmesh/events"
)

// storeTime is how long the store may take to answer a sidecar, which waits 10 s, before what is published answers.
const storeTime = 4 * time.Second

// proxy is what a starting sidecar asks about: a virtual node or gateway.
type proxy struct {
	meshUID string
	mesh    store.Mesh // zero if the store can't be read
	// published is what the proxy's config log says of it, if the store can't be read: a proxy starts then as well, with
	// what is published.
	published *artifact.Config
}

// startingProxy finds the proxy that the path names, in the store, or, while that can't be read, in what is published.
func (c *call) startingProxy() (proxy, error) {
	ctx, cancel := context.WithTimeout(c.ctx, storeTime)
	defer cancel()
	m, err := c.mesh(ctx)
	if err == nil {
		if _, err = c.item(ctx, m); err == nil {
			return proxy{meshUID: m.UID, mesh: m}, nil
		}
	}
	if refusal := (*failure)(nil); errors.As(err, &refusal) || c.h.Objects == nil {
		return proxy{}, err
	}
	p, other := c.publishedProxy()
	if other != nil {
		return proxy{}, errors.Join(err, other)
	}
	c.h.Logger.Warn("the store can't be read: a starting proxy is answered from what is published", "request", c.id, "error", err)
	return p, nil
}

// publishedProxy finds the proxy in the artifacts alone. What isn't there is no refusal: the store might know it.
func (c *call) publishedProxy() (proxy, error) {
	name := c.vars["meshName"]
	data, _, err := c.h.Objects.Get(c.ctx, events.NamePath(name))
	if err != nil {
		return proxy{}, fmt.Errorf("look up mesh %q in what is published: %w", name, err)
	}
	uid := strings.TrimSpace(string(data))
	r := artifact.NewReader(c.h.Objects, uid, artifact.ConfigLog, artifact.ReaderOptions{})
	if _, err := r.Poll(c.ctx); err != nil {
		return proxy{}, fmt.Errorf("read what is published of mesh %q: %w", name, err)
	}
	config := r.State()
	if config == nil || config.Deleted {
		return proxy{}, fmt.Errorf("nothing is published of mesh %q", name)
	}
	if _, ok := config.Proxies[artifact.ProxyKey(c.itemKey().String())]; !ok {
		return proxy{}, fmt.Errorf("%s of mesh %q is not published", c.itemKey(), name)
	}
	return proxy{meshUID: uid, published: config}, nil
}

// publishedAddresses are the places that need a local address in what is published.
func publishedAddresses(config *artifact.Config, key artifact.ProxyKey) []artifact.Fill {
	var fills []artifact.Fill
	for _, id := range config.Proxies[key].Explicit {
		if fill := config.Resources[id].Fill; fill != "" {
			fills = append(fills, fill)
		}
	}
	slices.Sort(fills)
	return slices.Compact(fills)
}
