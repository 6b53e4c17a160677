package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/events"
)

// EventLog is where events can be read that were told: there is one on one machine, and none in AWS.
type EventLog interface {
	// Range is the numbers (IDs) of the oldest and the newest event that are kept.
	Range() (oldest, newest int64)
	// Read gives events with a number greater than after, in order, at most limit.
	Read(after int64, limit int) ([]events.Event, error)
	// Wait returns when there is an event with a number greater than after, or an error when there will be none.
	Wait(ctx context.Context, after int64) error
}

const (
	defaultEvents = 100
	maxEvents     = 1000
	// eventsPage is how many events are read at a time, whether they are asked for or not.
	eventsPage = 200
	// maxFollowers bounds how many clients follow at the same time.
	maxFollowers = 64
	// followTimeout is how long a follower may take for what it is sent.
	followTimeout = 10 * time.Second
)

// onTheBus is the answer where events go to a bus.
const onTheBus = "this installation tells its events on an EventBridge bus (its name is the stack's output Bus): " +
	`to hear them, make a rule on that bus, such as {"source":["ownmesh"],"detail-type":["Mesh Converged"]}`

// streamed is an answer that is written piece by piece.
type streamed func(w http.ResponseWriter)

// wanted says which events a client asks for.
type wanted struct {
	detailType, mesh string // "": any
}

func (f wanted) match(e events.Event) bool {
	if f.detailType != "" && e.DetailType != f.detailType {
		return false
	}
	about, _ := e.About()
	return f.mesh == "" || about.Mesh == f.mesh
}

// listEvents gives events with a number greater than the query's after, or the newest ones without it; with
// follow=true as JSON lines, and new ones as they come.
func listEvents(c *call) (any, error) {
	if c.h.Events == nil {
		return nil, fail(badRequest, onTheBus)
	}
	_, newest := c.h.Events.Range()
	after, vs := c.number("after", 0, 0, newest)
	limit, more := c.number("limit", defaultEvents, 1, maxEvents)
	vs = append(vs, more...)
	f := wanted{mesh: c.query.Get("mesh")}
	if c.query.Has("type") {
		var ok bool
		if f.detailType, ok = eventType(c.query.Get("type")); !ok {
			vs = append(vs, resource.Violation{Path: "type", Rule: "must be one of " + strings.Join(events.Types, ", "), Got: shown(c.query.Get("type"))})
		}
	}
	follow := false
	if text := c.query.Get("follow"); text != "" {
		var err error
		if follow, err = strconv.ParseBool(text); err != nil {
			vs = append(vs, resource.Violation{Path: "follow", Rule: "must be true or false", Got: shown(text)})
		}
	}
	if err := refuse(vs); err != nil {
		return nil, err
	}
	if follow {
		if !c.query.Has("after") {
			after = newest
		}
		return c.follow(f, after)
	}
	all, err := c.events(f, after, int(limit))
	if err != nil {
		return nil, err
	}
	return object{"events": orEmpty(all), "newest": strconv.FormatInt(newest, 10)}, nil
}

// eventType finds a type by its name, or as files and shells spell it: mesh-converged.
func eventType(text string) (string, bool) {
	for _, t := range events.Types {
		if strings.EqualFold(strings.ReplaceAll(text, "-", " "), t) {
			return t, true
		}
	}
	return "", false
}

// events gives the first wanted events behind after, or the last ones of all where the client names no after.
func (c *call) events(f wanted, after int64, limit int) ([]events.Event, error) {
	newest := !c.query.Has("after")
	var all []events.Event
	for newest || len(all) < limit {
		page, err := c.h.Events.Read(after, eventsPage)
		if err != nil {
			return nil, fmt.Errorf("read events: %w", err)
		}
		if len(page) == 0 {
			break
		}
		if after, err = strconv.ParseInt(page[len(page)-1].ID, 10, 64); err != nil {
			return nil, fmt.Errorf("read events: %w", err)
		}
		all = append(all, slices.DeleteFunc(page, func(e events.Event) bool { return !f.match(e) })...)
		if newest && len(all) > limit {
			all = all[len(all)-limit:]
		}
	}
	return all[:min(limit, len(all))], nil
}

// follow sends events as they come, a line each, until the client goes or the log is closed.
func (c *call) follow(f wanted, after int64) (any, error) {
	if c.h.followers.Add(1) > maxFollowers {
		c.h.followers.Add(-1)
		return nil, fail(tooManyRequests, "at most %d clients can follow events at the same time", maxFollowers)
	}
	return streamed(func(w http.ResponseWriter) {
		defer c.h.followers.Add(-1)
		out := http.NewResponseController(w)
		w.Header().Set("Content-Type", "application/x-ndjson")
		w.WriteHeader(http.StatusOK)
		lines := json.NewEncoder(w)
		lines.SetEscapeHTML(false)
		for {
			_ = out.SetWriteDeadline(time.Now().Add(followTimeout)) // a writer that has none needs none
			if out.Flush() != nil || c.h.Events.Wait(c.ctx, after) != nil {
				return
			}
			page, err := c.h.Events.Read(after, eventsPage)
			if err != nil {
				c.h.Logger.Error("events can't be read", "request", c.id, "error", err)
				return
			}
			_ = out.SetWriteDeadline(time.Now().Add(followTimeout))
			for _, e := range page {
				if f.match(e) && lines.Encode(e) != nil {
					return
				}
			}
			if len(page) == 0 {
				return // the log is being closed
			}
			if after, err = strconv.ParseInt(page[len(page)-1].ID, 10, 64); err != nil {
				return
			}
		}
	}), nil
}
