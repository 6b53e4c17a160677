package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/core/graph"
	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/store"
	"github.com/ownmesh/ownmesh/events"
)

// Version is what a server says of itself.
type Version struct {
	Version  string `json:"version"`
	Compiler int    `json:"compiler"`
}

// Status is how a mesh's proxies stand to its newest generation.
type Status struct {
	Mesh       string  `json:"mesh"`
	UID        string  `json:"uid"`
	Generation int64   `json:"generation"` // committed
	Published  int64   `json:"published"`  // compiled and published; 0 if none is yet
	Proxies    []Proxy `json:"proxies"`
	Summary    Summary `json:"summary"`
}

// Proxy is one connected Envoy, and the relay it is connected to.
type Proxy struct {
	events.ProxyStatus
	Relay string `json:"relay"`
}

// Summary counts a mesh's connected proxies by state.
type Summary struct {
	Connected int `json:"connected"`
	Current   int `json:"current"`
	Behind    int `json:"behind"`
	Rejected  int `json:"rejected"`
}

// Findings are what the compilation of a generation said.
type Findings struct {
	Generation int64              `json:"generation"`
	Findings   []resource.Finding `json:"findings"`
}

// Version asks the server which it is.
func (c *Client) Version(ctx context.Context) (Version, error) {
	var v Version
	err := c.own(ctx, &v, "compiler", "version")
	return v, err
}

// Status reads a mesh's status.
func (c *Client) Status(ctx context.Context, mesh string) (Status, error) {
	var s Status
	err := c.own(ctx, &s, "uid", "meshes", mesh, "status")
	return s, err
}

// Statuses reads the status of every mesh.
func (c *Client) Statuses(ctx context.Context) ([]Status, error) {
	var s struct {
		Meshes []Status `json:"meshes"`
	}
	err := c.own(ctx, &s, "meshes", "status")
	return s.Meshes, err
}

// Findings reads what the newest compilation of a mesh said: of one resource (virtualRouter/cart/route/v2), or of all
// for "".
func (c *Client) Findings(ctx context.Context, mesh, of string) (Findings, error) {
	query := url.Values{}
	if of != "" {
		query.Set("resource", of)
	}
	var f Findings
	err := c.do(ctx, call{method: http.MethodGet, path: path(ownRoot, "meshes", mesh, "findings"), query: query, into: &f, needs: "findings"})
	return f, err
}

// View reads a mesh as people look at it; of one resource (virtualNode/cart), or whole for "".
func (c *Client) View(ctx context.Context, mesh, of string) (graph.View, error) {
	query := url.Values{}
	if of != "" {
		query.Set("resource", of)
	}
	var v graph.View
	err := c.do(ctx, call{method: http.MethodGet, path: path(ownRoot, "meshes", mesh, "view"), query: query, into: &v})
	return v, err
}

// Journal reads a mesh's commits with generations greater than after, at most limit (0: the server's choice).
func (c *Client) Journal(ctx context.Context, mesh string, after int64, limit int) ([]store.Entry, error) {
	query := url.Values{"after": {strconv.FormatInt(after, 10)}}
	if limit > 0 {
		query.Set("limit", strconv.Itoa(limit))
	}
	var j struct {
		Entries []store.Entry `json:"entries"`
	}
	err := c.do(ctx, call{method: http.MethodGet, path: path(ownRoot, "meshes", mesh, "journal"), query: query, into: &j, needs: "entries"})
	return j.Entries, err
}

// Addresses reads what explicit interception needs local addresses for, in the forms of artifact.Fill. kind is
// virtualNode or virtualGateway.
func (c *Client) Addresses(ctx context.Context, mesh, kind, name string) ([]string, error) {
	var a struct {
		Addresses []string `json:"addresses"`
	}
	err := c.own(ctx, &a, "addresses", "meshes", mesh, "proxies", kind, name, "addresses")
	return a.Addresses, err
}

// Instances reads registered instances: of a namespace, of a service in it, or of all where they are "".
func (c *Client) Instances(ctx context.Context, of endpoint.ServiceKey) ([]endpoint.Instance, error) {
	query := url.Values{}
	if of.Namespace != "" {
		query.Set("namespace", of.Namespace)
	}
	if of.Service != "" {
		query.Set("service", of.Service)
	}
	var l struct {
		Instances []endpoint.Instance `json:"instances"`
	}
	err := c.do(ctx, call{method: http.MethodGet, path: path(ownRoot, "instances"), query: query, into: &l, needs: "instances"})
	return l.Instances, err
}

// Register writes or replaces an instance. Its Version is the server's to set.
func (c *Client) Register(ctx context.Context, i endpoint.Instance) (endpoint.Instance, error) {
	body := struct {
		IPv4       string            `json:"ipv4,omitempty"`
		IPv6       string            `json:"ipv6,omitempty"`
		Ports      map[int]int       `json:"ports,omitempty"`
		Attributes map[string]string `json:"attributes,omitempty"`
		Zone       string            `json:"zone,omitempty"`
		Unhealthy  bool              `json:"unhealthy,omitempty"`
	}{i.IPv4, i.IPv6, i.Ports, i.Attributes, i.Zone, i.Unhealthy}
	var made endpoint.Instance
	err := c.do(ctx, call{method: http.MethodPut, path: instancePath(i.Namespace, i.Service, i.ID), body: body, into: &made})
	return made, err
}

// Deregister removes an instance.
func (c *Client) Deregister(ctx context.Context, k endpoint.InstanceKey) error {
	return c.do(ctx, call{method: http.MethodDelete, path: instancePath(k.Namespace, k.Service, k.ID)})
}

func instancePath(namespace, service, id string) string {
	return path(ownRoot, "namespaces", namespace, "services", service, "instances", id)
}

func (c *Client) own(ctx context.Context, into any, needs string, segments ...string) error {
	return c.do(ctx, call{method: http.MethodGet, path: path(ownRoot, segments...), into: into, needs: needs})
}
