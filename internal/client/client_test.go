package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/ownmesh/ownmesh/adapters/bolt"
	"github.com/ownmesh/ownmesh/core/api"
	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/internal/client"
)

func dial(t *testing.T, h http.Handler) *client.Client {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	c, err := client.New(s.URL + "/")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// real is a client of the real API.
func real(t *testing.T) *client.Client {
	t.Helper()
	s, err := bolt.Open(filepath.Join(t.TempDir(), "mesh.db"), bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	registry, err := bolt.OpenRegistry(filepath.Join(t.TempDir(), "instances.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(s.Close(), registry.Close()); err != nil {
			t.Error(err)
		}
	})
	return dial(t, api.New(api.Options{
		Store: s, Registry: registry, Now: time.Now, NewID: uuid.NewString,
		Account: "123456789012", Region: "us-east-1", Version: "v1", Compiler: 3,
	}))
}

func ref(kind resource.Kind, parent, name string) client.Ref {
	r := client.Ref{Mesh: "shop", Key: resource.Key{Kind: kind, Parent: parent, Name: name}}
	if kind == resource.KindMesh {
		r.Mesh = name
	}
	return r
}

// Every kind can be made, read, changed, listed and deleted, also under names that look like paths.
func TestResources(t *testing.T) {
	c, ctx := real(t), t.Context()
	specs := map[resource.Kind]string{
		resource.KindMesh:           `{}`,
		resource.KindInterception:   `{"mode":"explicit"}`,
		resource.KindResolvableName: `{"namespaceName":"shop.local"}`,
		resource.KindTaskBinding:    `{"cluster":"shop","service":"cart","virtualNode":{"virtualNodeName":".."}}`,
		resource.KindVirtualNode:    `{"backends":[]}`,
		resource.KindVirtualRouter:  `{"listeners":[{"portMapping":{"port":80,"protocol":"http"}}]}`,
		resource.KindRoute:          `{"httpRoute":{"match":{"prefix":"/"},"action":{"weightedTargets":[{"virtualNode":"..","weight":1}]}}}`,
		resource.KindVirtualService: `{}`,
		resource.KindVirtualGateway: `{"listeners":[{"portMapping":{"port":80,"protocol":"http"}}]}`,
		resource.KindGatewayRoute:   `{"httpRoute":{"match":{"prefix":"/"},"action":{"target":{"virtualService":{"virtualServiceName":".."}}}}}`,
	}
	names := []string{"..", "a/b c%2F+?#é"}
	var all []client.Ref
	for _, info := range resource.Kinds {
		parent := ""
		if info.Parent != "" {
			parent = ".."
		}
		for _, name := range names {
			r := ref(info.Kind, parent, name)
			if info.Kind == resource.KindMesh {
				r = ref(info.Kind, "", "shop")
				if name != names[0] {
					continue
				}
			}
			o, err := c.Create(ctx, r, json.RawMessage(specs[info.Kind]), map[string]string{"team": "x", "empty": ""})
			if err != nil {
				t.Fatalf("create %s: %v", r.Key, err)
			}
			if o.Version != 1 || o.Status != "ACTIVE" || string(o.Spec) != specs[info.Kind] || time.Since(o.CreatedAt).Abs() > time.Minute {
				t.Errorf("create %s: got %+v", r.Key, o)
			}
			if o, err = c.Update(ctx, r, json.RawMessage(specs[info.Kind])); err != nil || o.Version != 2 {
				t.Errorf("update %s: got %+v, %v", r.Key, o, err)
			}
			got, err := c.Get(ctx, r)
			if diff := cmp.Diff(o, got); diff != "" || err != nil {
				t.Errorf("get %s: %v\n%s", r.Key, err, diff)
			}
			checkTags(t, c, o.ARN)
			all = append(all, r)
		}
		objects, err := c.All(ctx, "shop", info.Kind, "")
		if want := min(len(names), len(all)); err != nil || len(objects) != want {
			t.Errorf("list %s: got %d, %v", info.Collection, len(objects), err)
		}
	}
	for i := len(all) - 1; i >= 0; i-- {
		if o, err := c.Delete(ctx, all[i]); err != nil || o.Status != "DELETED" {
			t.Errorf("delete %s: got %+v, %v", all[i].Key, o, err)
		}
		if _, err := c.Get(ctx, all[i]); !errors.Is(err, client.ErrNotFound) {
			t.Errorf("after deleting %s: %v", all[i].Key, err)
		}
	}
}

func checkTags(t *testing.T, c *client.Client, arn string) {
	t.Helper()
	ctx := t.Context()
	if err := errors.Join(c.Untag(ctx, arn, []string{"team", "absent"}), c.Tag(ctx, arn, map[string]string{"owner": "y"})); err != nil {
		t.Errorf("%s: %v", arn, err)
	}
	got, err := c.Tags(ctx, arn)
	if diff := cmp.Diff(map[string]string{"owner": "y", "empty": ""}, got); diff != "" || err != nil {
		t.Errorf("%s: %v\n%s", arn, err, diff)
	}
}

// Lists are read to their end.
func TestPages(t *testing.T) {
	c, ctx := real(t), t.Context()
	if _, err := c.Create(ctx, ref(resource.KindMesh, "", "shop"), nil, nil); err != nil {
		t.Fatal(err)
	}
	var want []string
	for i := range 103 {
		name := fmt.Sprintf("node-%03d", i)
		want = append(want, name)
		if _, err := c.Create(ctx, ref(resource.KindVirtualNode, "", name), json.RawMessage("{}"), nil); err != nil {
			t.Fatal(err)
		}
	}
	refs, err := c.List(ctx, "shop", resource.KindVirtualNode, "")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range refs {
		got = append(got, r.Name)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	entries, err := c.Journal(ctx, "shop", 100, 2)
	if err != nil || len(entries) != 2 || entries[0].Generation != 101 {
		t.Errorf("journal: got %+v, %v", entries, err)
	}
}

func TestOwn(t *testing.T) {
	c, ctx := real(t), t.Context()
	if v, err := c.Version(ctx); err != nil || v != (client.Version{Version: "v1", Compiler: 3}) {
		t.Errorf("version: %+v, %v", v, err)
	}
	if _, err := c.Create(ctx, ref(resource.KindMesh, "", "shop"), nil, nil); err != nil {
		t.Fatal(err)
	}
	spec := json.RawMessage(`{"listeners":[{"portMapping":{"port":8080,"protocol":"http"}}],"serviceDiscovery":{"dns":{"hostname":"a"}}}`)
	if _, err := c.Create(ctx, ref(resource.KindVirtualNode, "", "cart"), spec, nil); err != nil {
		t.Fatal(err)
	}
	addresses, err := c.Addresses(ctx, "shop", "virtualNode", "cart")
	if err != nil || !strings.Contains(strings.Join(addresses, " "), "bind/8080") {
		t.Errorf("addresses: %q, %v", addresses, err)
	}
	if s, err := c.Status(ctx, "shop"); err != nil || s.Generation != 2 || s.Mesh != "shop" {
		t.Errorf("status: %+v, %v", s, err)
	}
	if all, err := c.Statuses(ctx); err != nil || len(all) != 1 {
		t.Errorf("statuses: %+v, %v", all, err)
	}
	if f, err := c.Findings(ctx, "shop", ""); err != nil || f.Generation != 0 {
		t.Errorf("findings: %+v, %v", f, err)
	}
	i := endpoint.Instance{
		Namespace: "shop.local", Service: "cart", ID: "cart/1:x", IPv4: "127.0.0.1", IPv6: "::1", Zone: "a",
		Ports: map[int]int{8080: 20001}, Attributes: map[string]string{"v": "1"}, Unhealthy: true,
	}
	made, err := c.Register(ctx, i)
	if err != nil || made.Version == 0 {
		t.Fatalf("register: %+v, %v", made, err)
	}
	i.Version = made.Version
	list, err := c.Instances(ctx, endpoint.ServiceKey{Namespace: "shop.local"})
	if diff := cmp.Diff([]endpoint.Instance{i}, list); diff != "" || err != nil {
		t.Errorf("instances: %v\n%s", err, diff)
	}
	k := endpoint.InstanceKey{ServiceKey: endpoint.ServiceKey{Namespace: "shop.local", Service: "cart"}, ID: "cart/1:x"}
	if err := c.Deregister(ctx, k); err != nil {
		t.Error(err)
	}
	if list, err := c.Instances(ctx, k.ServiceKey); err != nil || len(list) != 0 {
		t.Errorf("instances after deregistering: %+v, %v", list, err)
	}
}

// A call that the server is too busy for is sent again, with the same token.
func TestThrottled(t *testing.T) {
	var tokens []string
	c := dial(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body struct{ ClientToken string }
		_ = json.NewDecoder(r.Body).Decode(&body)
		if tokens = append(tokens, body.ClientToken); len(tokens) < 3 {
			w.Header().Set("x-amzn-ErrorType", "TooManyRequestsException")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		_, _ = io.WriteString(w, `{"metadata":{"uid":"u"}}`)
	}))
	if _, err := c.Update(t.Context(), ref(resource.KindMesh, "", "shop"), nil); err != nil {
		t.Fatal(err)
	}
	if len(tokens) != 3 || tokens[0] == "" || tokens[0] != tokens[2] {
		t.Errorf("got tokens %q", tokens)
	}
}

func TestErrors(t *testing.T) {
	for name, tc := range map[string]struct {
		header, body string
		status       int
		want         string
		unreachable  bool
	}{
		"header":          {"NotFoundException", `{"message":"no"}`, 404, "NotFoundException: no", false},
		"header with URL": {"a#ConflictException:http://x", `{"message":"no"}`, 409, "ConflictException: no", false},
		"type in body":    {"", `{"__type":"a#BadRequestException","message":"no"}`, 400, "BadRequestException: no", false},
		"code in body":    {"", `{"code":"ForbiddenException","message":"no"}`, 403, "ForbiddenException: no", false},
		"another server":  {"", `<html>`, 404, "not what an Ownmesh server says", true},
		"no object":       {"", `"hello"`, 200, "not what an Ownmesh server says", true},
		"no JSON":         {"", `hello`, 200, "not what an Ownmesh server says", true},
	} {
		t.Run(name, func(t *testing.T) {
			c := dial(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if tc.header != "" {
					w.Header().Set("x-amzn-ErrorType", tc.header)
				}
				w.WriteHeader(tc.status)
				_, _ = io.WriteString(w, tc.body)
			}))
			_, err := c.Get(t.Context(), ref(resource.KindMesh, "", "shop"))
			if err == nil || !strings.Contains(err.Error(), tc.want) || errors.Is(err, client.ErrUnreachable) != tc.unreachable {
				t.Errorf("got %v", err)
			}
		})
	}
}

// Servers of other people answer any path with some JSON: that is nobody's status, version or list.
func TestStranger(t *testing.T) {
	c := dial(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"order":"status","meshOf":[]}`)
	}))
	ctx := t.Context()
	calls := map[string]func() error{
		"version":   func() error { _, err := c.Version(ctx); return err },
		"statuses":  func() error { _, err := c.Statuses(ctx); return err },
		"status":    func() error { _, err := c.Status(ctx, "shop"); return err },
		"findings":  func() error { _, err := c.Findings(ctx, "shop", ""); return err },
		"journal":   func() error { _, err := c.Journal(ctx, "shop", 0, 0); return err },
		"addresses": func() error { _, err := c.Addresses(ctx, "shop", "virtualNode", "a"); return err },
		"instances": func() error { _, err := c.Instances(ctx, endpoint.ServiceKey{}); return err },
		"events":    func() error { _, _, err := c.Events(ctx, client.EventQuery{}); return err },
		"list":      func() error { _, err := c.List(ctx, "shop", resource.KindVirtualNode, ""); return err },
	}
	for name, call := range calls {
		if err := call(); !errors.Is(err, client.ErrStranger) || !errors.Is(err, client.ErrUnreachable) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestUnreachable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	c, err := client.New("http://" + l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if _, err := c.Version(t.Context()); !errors.Is(err, client.ErrUnreachable) {
		t.Errorf("got %v", err)
	}
	if time.Since(start) > 5*time.Second {
		t.Error("tried again for long: nobody listens there")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Version(ctx); !errors.Is(err, context.Canceled) || errors.Is(err, client.ErrUnreachable) {
		t.Errorf("interrupted: got %v", err)
	}
	for _, bad := range []string{"", "127.0.0.1:9080", "ftp://x", "http://"} {
		if _, err := client.New(bad); err == nil {
			t.Errorf("endpoint %q is accepted", bad)
		}
	}
}
