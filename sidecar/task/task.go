// Package task asks ECS about the task that a sidecar runs in: which it is, and whether the application has ended. It
// reads the task metadata endpoint, version 4, which each container of a task has.
//
// It never changes anything and needs no credentials. Start with New.
package task

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// Variable is where ECS says the endpoint's URL.
const Variable = "ECS_CONTAINER_METADATA_URI_V4"

// Task is the task that this container belongs to.
type Task struct {
	base string
	http *http.Client
}

// New makes a Task of the URL in Variable; nil without one: this is not ECS.
func New(endpoint string) *Task {
	if endpoint == "" {
		return nil
	}
	// Never by a proxy: the address is link-local.
	return &Task{base: strings.TrimRight(endpoint, "/"), http: &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{}}}
}

// ARN is the task's.
func (t *Task) ARN(ctx context.Context) (string, error) {
	d, err := t.describe(ctx)
	return d.TaskARN, err
}

// Alone tells whether all other containers of the task have stopped. Those that ECS itself adds, for the network, don't
// count. ECS stops a container after those that depend on it, so this is how it looks when it is the sidecar's turn.
func (t *Task) Alone(ctx context.Context) (bool, error) {
	var self container
	if err := t.get(ctx, "", &self); err != nil {
		return false, err
	}
	d, err := t.describe(ctx)
	if err != nil {
		return false, err
	}
	for _, c := range d.Containers {
		if c.DockerID != self.DockerID && c.Type == "NORMAL" && c.KnownStatus != "STOPPED" {
			return false, nil
		}
	}
	return true, nil
}

type container struct {
	DockerID    string `json:"DockerId"`
	Type        string
	KnownStatus string
}

type description struct {
	TaskARN    string
	Containers []container
}

func (t *Task) describe(ctx context.Context) (description, error) {
	var d description
	err := t.get(ctx, "/task", &d)
	return d, err
}

func (t *Task) get(ctx context.Context, path string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, t.base+path, nil)
	if err != nil {
		return fmt.Errorf("%s %q: %w", Variable, t.base, err)
	}
	res, err := t.http.Do(req)
	if err != nil {
		return fmt.Errorf("ask ECS about this task: %w", err)
	}
	defer func() { _ = res.Body.Close() }() // what was read is checked
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return fmt.Errorf("read what ECS says about this task: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("ask ECS about this task: it says %s", res.Status)
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("read what ECS says about this task: %w", err)
	}
	return nil
}
