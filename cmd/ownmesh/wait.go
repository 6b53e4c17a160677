package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ownmesh/ownmesh/internal/client"
)

// This file: waiting until proxies have accepted a generation.

const (
	defaultTimeout = 30 * time.Second
	pollInterval   = 50 * time.Millisecond
)

// pause waits until it is time to look again.
func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(pollInterval):
		return nil
	}
}

// checkTimeout refuses times in which nothing can happen.
func checkTimeout(wait bool, timeout time.Duration) error {
	if wait && timeout <= 0 {
		return usage("--timeout must be more than 0, such as 30s, got %s", timeout)
	}
	return nil
}

// await returns when generation is published and every connected proxy has accepted it; sooner, with an error, when
// a proxy has refused a part of it.
func (a *app) await(ctx context.Context, c *client.Client, mesh string, generation int64, timeout time.Duration) error {
	timed, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	progress := a.screen.Progress()
	defer progress.End()
	var last client.Status
	for {
		s, err := c.Status(timed, mesh)
		switch {
		case timed.Err() != nil && ctx.Err() == nil:
			progress.End()
			return late(last, generation, timeout)
		case err != nil:
			return err
		}
		last = s
		if refused := refusals(s, generation); len(refused) > 0 {
			progress.End()
			return &failure{code: exitFailure, err: errors.New(strings.Join(refused, "\n")), hint: "the proxies keep what they had; mend the resource and apply again"}
		}
		waiting := waitingFor(s, generation)
		if len(waiting) == 0 {
			return nil
		}
		progress.Say("waiting for %d of %d proxies to accept generation %d", len(waiting), len(s.Proxies), generation)
		if err := pause(timed); err != nil && ctx.Err() != nil {
			return err
		}
	}
}

// waitingFor says what is still missing; nothing once the generation is everywhere.
func waitingFor(s client.Status, generation int64) []string {
	if s.Published < generation {
		return []string{fmt.Sprintf("generation %d of mesh %s is not published: %d is", generation, s.Mesh, s.Published)}
	}
	var waiting []string
	for _, p := range s.Proxies {
		if p.Generation < generation {
			line := fmt.Sprintf("%s (%s) has accepted generation %d", p.Resource, p.Instance, p.Generation)
			if m := message(p); m != "" {
				line += ": " + m
			}
			waiting = append(waiting, line)
		}
	}
	return waiting
}

// refusals are parts that a proxy has refused at this generation or a later one. An older refusal may be what this
// generation mends, so it ends nothing.
func refusals(s client.Status, generation int64) []string {
	var lines []string
	for _, p := range s.Proxies {
		if p.Generation >= generation {
			continue
		}
		for _, r := range p.Rejected {
			if r.Generation >= generation {
				lines = append(lines, fmt.Sprintf("%s (%s) has refused %s %s of generation %d: %s",
					p.Resource, p.Instance, r.Type, r.Name, r.Generation, r.Message))
			}
		}
	}
	return lines
}

func late(s client.Status, generation int64, timeout time.Duration) error {
	lines := []string{fmt.Sprintf("generation %d was not accepted everywhere within %s", generation, timeout)}
	switch {
	case s.Mesh == "":
		lines = append(lines, "the server did not say in this time how far it is")
	case s.Generation < generation:
		lines = append(lines, fmt.Sprintf("mesh %s is at generation %d", s.Mesh, s.Generation))
	default:
		lines = append(lines, waitingFor(s, generation)...)
	}
	return &failure{
		code: exitTimeout,
		err:  errors.New(strings.Join(lines, "\n")),
		hint: "`ownmesh proxies` shows what each proxy waits for",
	}
}
