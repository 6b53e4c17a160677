package api_test

import (
	"encoding/json"
	"io"
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
	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/store"
	"github.com/ownmesh/ownmesh/internal/shapetest"
)

// This file: the API against its description, from outside.

// owner is the account that the service under test works for.
const owner = "123456789012"

// names are the resources that exist in the service under test.
var names = map[string]string{
	"meshName": "shop", "virtualNodeName": "cart", "virtualRouterName": "cart-router", "routeName": "all",
	"virtualServiceName": "cart.shop.local", "virtualGatewayName": "door", "gatewayRouteName": "to-cart", "interceptionName": "apart",
	"taskBindingName": "cart-tasks", "resolvableNameName": "shop-local", "address": "10.255.255.254",
	"virtualNode": "cart", "virtualGateway": "door", "meshOwner": owner,
	"resourceArn": "arn:aws:appmesh:eu-west-1:" + owner + ":mesh/shop/virtualNode/cart",
}

// service is the API as its clients meet it.
type service struct {
	url   string
	model *shapetest.Model
	store store.Store
}

// serve starts the API over a store in a file.
func serve(t *testing.T) *service {
	t.Helper()
	dir := t.TempDir()
	db, err := bolt.Open(filepath.Join(dir, "store"), bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	registry, err := bolt.OpenRegistry(filepath.Join(dir, "registry"))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(api.LoopbackOnly(api.New(api.Options{
		Store: db, Registry: registry, Account: owner, Region: "eu-west-1", Now: time.Now, NewID: uuid.NewString,
	})))
	t.Cleanup(func() {
		server.Close()
		for _, c := range []io.Closer{db, registry} {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	return &service{url: server.URL, model: shapetest.Load(t, names), store: db}
}

// populate makes one resource of each kind, those of names.
func (s *service) populate(t *testing.T) {
	t.Helper()
	for _, info := range resource.Kinds {
		if info.Kind != resource.KindInterception {
			s.succeeds(t, s.model.Valid("Create" + info.Title)[0])
		}
	}
	s.succeeds(t, s.model.Valid("CreateInterception")[0]) // names a gateway
}

// response is an answer, read whole.
type response struct {
	status    int
	errorType string
	body      []byte
	message   string // of an error
}

func (s *service) send(t *testing.T, r shapetest.Request) response {
	t.Helper()
	request, err := s.model.HTTP(s.url, r)
	if err != nil {
		t.Fatalf("%s: %v", r, err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatalf("%s: %v", r, err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatalf("%s: %v", r, err)
	}
	var e struct{ Message string }
	if err := json.Unmarshal(body, &e); err != nil {
		t.Fatalf("%s: %v: %s", r, err, body)
	}
	return response{answer.StatusCode, answer.Header.Get("x-amzn-ErrorType"), body, e.Message}
}

func (s *service) succeeds(t *testing.T, r shapetest.Request) response {
	t.Helper()
	a := s.send(t, r)
	if a.status != http.StatusOK {
		t.Fatalf("%s %v %s: %d %s", r.Operation, r.Params, r.Body, a.status, a.body)
	}
	return a
}

// unchanged gives a function that fails the test if anything in the mesh has changed until it is called.
func (s *service) unchanged(t *testing.T, operation string) func() {
	t.Helper()
	look := func() (view struct {
		Meshes int
		Mesh   store.Mesh
		Tags   map[string]string
		Nodes  []store.Record
	}) {
		t.Helper()
		meshes, err := s.store.Meshes(t.Context(), "", 10)
		if err != nil || len(meshes) == 0 {
			t.Fatal(len(meshes), err)
		}
		view.Meshes, view.Mesh = len(meshes), meshes[0]
		if view.Tags, err = s.store.Tags(t.Context(), view.Mesh.UID, resource.Key{Kind: resource.KindVirtualNode, Name: "cart"}); err != nil {
			t.Fatal(err)
		}
		if view.Nodes, err = s.store.List(t.Context(), view.Mesh.UID, resource.KindVirtualNode, "", "", 10); err != nil {
			t.Fatal(err)
		}
		return view
	}
	before := look()
	return func() {
		t.Helper()
		if diff := cmp.Diff(before, look()); diff != "" {
			t.Errorf("%s left something behind: before (-), after (+):\n%s", operation, diff)
		}
	}
}

func TestEveryConstraintIsEnforced(t *testing.T) {
	s := serve(t)
	s.populate(t)
	count := map[string]int{}
	for operation := range s.model.Operations {
		// What is created must have a new name: else the answer could be a conflict.
		model := s.model
		for _, info := range resource.Kinds {
			if operation == "Create"+info.Title {
				model = s.model.Named(map[string]string{info.NameMember: "new"})
			}
		}
		unchanged := s.unchanged(t, operation)
		broken := model.Broken(operation)
		if model.HasBody(operation) {
			broken = append(broken, model.BrokenEverywhere(operation))
		}
		for _, r := range broken {
			count[r.Constraint]++
			a := s.send(t, r)
			if a.status != http.StatusBadRequest || a.errorType != "BadRequestException" {
				t.Errorf("%s: %d %s %s\n%v %s", r, a.status, a.errorType, a.body, r.Params, r.Body)
			}
			for _, path := range r.Paths {
				if !strings.HasPrefix(a.message, path+" ") && !strings.Contains(a.message, "; "+path+" ") {
					t.Errorf("%s: the answer does not name %s: %s", r, path, a.message)
				}
			}
		}
		unchanged()
	}
	t.Log(count)
}

func TestEveryValidRequestIsTaken(t *testing.T) {
	s := serve(t)
	s.populate(t)
	for _, operation := range s.model.Sorted(func(name string) bool { return strings.HasPrefix(name, "Update") }) {
		for _, r := range s.model.Valid(operation) {
			var sent, got struct{ Spec any }
			if err := json.Unmarshal(r.Body, &sent); err != nil {
				t.Fatal(err)
			}
			// The token of the request before would make this one a repetition of it.
			r.Body = []byte(strings.ReplaceAll(string(r.Body), `"clientToken":"clientToken"`, `"clientToken":"`+uuid.NewString()+`"`))
			if err := json.Unmarshal(s.succeeds(t, r).body, &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(sent.Spec, got.Spec); diff != "" {
				t.Errorf("%s: sent (-), answered (+):\n%s", operation, diff)
			}
		}
	}
}
