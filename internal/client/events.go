package client

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/ownmesh/ownmesh/events"
)

// EventQuery says which events are asked for; zero values ask for any.
type EventQuery struct {
	After string // the ID of an event: only later ones
	Type  string
	Mesh  string
	Limit int // of Events
}

func (q EventQuery) values() url.Values {
	v := url.Values{}
	for name, value := range map[string]string{"after": q.After, "type": q.Type, "mesh": q.Mesh} {
		if value != "" {
			v.Set(name, value)
		}
	}
	if q.Limit > 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	return v
}

// Events reads events: the first ones behind After, or without it the newest. newest is the ID to follow from.
func (c *Client) Events(ctx context.Context, q EventQuery) (all []events.Event, newest string, err error) {
	var in struct {
		Events []events.Event `json:"events"`
		Newest string         `json:"newest"`
	}
	err = c.do(ctx, call{method: http.MethodGet, path: path(ownRoot, "events"), query: q.values(), into: &in, needs: "events"})
	return in.Events, in.Newest, err
}

// maxEvent bounds a line of events that are followed.
const maxEvent = 1 << 20

// Follow hands over events behind q.After as they come, until ctx ends, the server goes (nil), or do fails.
func (c *Client) Follow(ctx context.Context, q EventQuery, do func(events.Event) error) error {
	query := q.values()
	query.Set("follow", "true")
	target := path(ownRoot, "events") + "?" + query.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+target, nil)
	if err != nil {
		return fmt.Errorf("make the request: %w", err)
	}
	patient := *c.http
	patient.Timeout = 0
	res, err := patient.Do(req)
	if err != nil {
		return unreachable(ctx, err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		answer, err := io.ReadAll(io.LimitReader(res.Body, maxEvent))
		if err != nil {
			return unreachable(ctx, err)
		}
		return refusal(res, answer)
	}
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, maxEvent)
	for lines.Scan() {
		var e events.Event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return fmt.Errorf("%w: what it sends is not what an Ownmesh server says: %w", ErrStranger, err)
		}
		if err := do(e); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return unreachable(ctx, err)
	}
	return nil
}

func unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return fmt.Errorf("%w: %w", ErrUnreachable, err)
}
