package api

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/events"
)

// Tokens makes stream tokens: *token.Issuer.
type Tokens interface {
	Issue(ctx context.Context, meshUID, proxy string) (token string, expires time.Time, err error)
}

// issueToken hands out what a sidecar needs to reach its relay as a virtual node or gateway: the relay's address, the
// authority that its certificates are signed by, and a token. Who may ask is for what stands before this handler to
// decide: in AWS, IAM by the path.
//
// Where no tokens are made, the relay is on this machine's loopback: the answer has its address alone.
func issueToken(c *call) (any, error) {
	if err := refuse(c.params()); err != nil {
		return nil, err
	}
	p, err := c.startingProxy()
	if err != nil {
		return nil, err
	}
	switch {
	case c.h.Relay == "":
		return nil, fail(serviceUnavailable, "no relay's address is known here: OWNMESH_RELAY must be set to host:port")
	case c.h.Tokens == nil:
		return object{"relay": c.h.Relay}, nil
	}
	ca, err := c.relayCA()
	if err != nil {
		return nil, err
	}
	token, expires, err := c.h.Tokens.Issue(c.ctx, p.meshUID, c.itemKey().String())
	if err != nil {
		return nil, fmt.Errorf("make a token: %w", err)
	}
	return object{"token": token, "expiresAt": expires.UTC().Format(time.RFC3339), "relay": c.h.Relay, "ca": ca}, nil
}

// authority is the certificate that relays' certificates are signed by, in PEM, as it was read at some time.
type authority struct {
	pem  string
	read time.Time
}

const (
	// authorityAge is for how long the authority is not read again: it is replaced when its key is, by people.
	authorityAge = time.Minute
	// authorityTime is how long that may take: what is known will do.
	authorityTime = time.Second
)

// relayCA reads the certificate of the authority that relays' certificates are signed by, which the first relay makes.
// The one that was read last is kept, so that tokens are handed out while the artifacts can't be reached.
func (c *call) relayCA() (string, error) {
	known := c.h.relayCA.Load()
	if known != nil && c.h.Now().Sub(known.read) < authorityAge {
		return known.pem, nil
	}
	const missing = "no relay has started here yet: it makes %s, which sidecars need to know it by; ask again"
	if c.h.Objects == nil {
		return "", fail(serviceUnavailable, missing, events.RelayCAPath)
	}
	ctx, cancel := c.ctx, func() {}
	if known != nil {
		ctx, cancel = context.WithTimeout(ctx, authorityTime)
	}
	defer cancel()
	data, _, err := c.h.Objects.Get(ctx, events.RelayCAPath)
	pem := string(data)
	switch {
	case err == nil:
	case known != nil: // between two authorities the old one is still what running relays have
		pem = known.pem
	case errors.Is(err, artifact.ErrNotFound):
		return "", fail(serviceUnavailable, missing, events.RelayCAPath)
	default:
		return "", fmt.Errorf("read %s: %w", events.RelayCAPath, err)
	}
	c.h.relayCA.Store(&authority{pem, c.h.Now()})
	return pem, nil
}
