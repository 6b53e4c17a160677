package dynamodb_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	awsdynamodb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/ownmesh/ownmesh/adapters/dynamodb"
	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/store"
	"github.com/ownmesh/ownmesh/internal/emulator"
)

// largestSpec is a virtual node's spec that is nearly as large as the API takes.
func largestSpec() string {
	var spec strings.Builder
	spec.WriteString(`{"backends":[{"virtualService":{"virtualServiceName":"s"}}`)
	for i := 0; spec.Len() < resource.MaxSpecBytes-400; i++ {
		fmt.Fprintf(&spec, `,{"virtualService":{"virtualServiceName":"%d-%s"}}`, i, strings.Repeat("x", 200))
	}
	return spec.String() + "]}"
}

// TestLargestResource: what the API takes, the table takes, with the longest names, tags and token, and through updates.
func TestLargestResource(t *testing.T) {
	t.Parallel()
	apis, s := lambdas(t, &emulator.Wire{}, 1)
	name, spec := strings.Repeat("n", 255), largestSpec()
	if len(spec) < resource.MaxSpecBytes*99/100 {
		t.Fatalf("the spec has only %d bytes", len(spec))
	}
	var tags []string
	for i := range 50 {
		tags = append(tags, fmt.Sprintf(`{"key":"%d%s","value":"%s"}`, i, strings.Repeat("k", 120), strings.Repeat("ä", 256)))
	}
	if _, err := put(apis[0], "meshes", `{"meshName":"`+strings.Repeat("m", 255)+`"}`); err != nil {
		t.Fatal(err)
	}
	path := "meshes/" + strings.Repeat("m", 255) + "/virtualNodes"
	body := fmt.Sprintf(`{"virtualNodeName":"%s","clientToken":"%s","tags":[%s],"spec":%s}`, name, strings.Repeat("t", 1000), strings.Join(tags, ","), spec)
	if _, err := put(apis[0], path, body); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := put(apis[0], path+"/"+name, `{"spec":`+spec+`}`); err != nil {
			t.Fatal(err)
		}
	}
	m, err := s.MeshByName(t.Context(), strings.Repeat("m", 255))
	if err != nil {
		t.Fatal(err)
	}
	record, err := s.Get(t.Context(), m.UID, resource.Key{Kind: resource.KindVirtualNode, Name: name})
	if err != nil || string(record.Spec) != spec {
		t.Errorf("a spec of %d bytes came back as %d (%v)", len(spec), len(record.Spec), err)
	}

	answer := httptest.NewRecorder()
	tooLarge := `{"spec":` + strings.Replace(spec, `"s"`, `"`+strings.Repeat("s", 255)+`"},"x":0}`+strings.Repeat(`,{"virtualService":{"virtualServiceName":"y"}}`, 20)+`,{"virtualService":{"virtualServiceName":"z"`, 1) + `}`
	tooLarge = strings.Replace(tooLarge, `,"x":0}`, `}`, 1)
	apis[0].ServeHTTP(answer, httptest.NewRequest(http.MethodPut, "/v20190125/"+path+"/"+name, strings.NewReader(tooLarge)))
	if answer.Code != http.StatusBadRequest || !strings.Contains(answer.Body.String(), "spec must have at most 262144 bytes") {
		t.Errorf("a spec too large: %d %.300s", answer.Code, answer.Body)
	}
}

// TestManyPages: DynamoDB reads 1 MB at a time; lists, pages and journals don't show it.
func TestManyPages(t *testing.T) {
	t.Parallel()
	w := &emulator.Wire{}
	client := dial(t, w)
	s := dynamodb.New(client, table(t, client, types.ScalarAttributeTypeB))
	if err := s.CreateMesh(t.Context(), shop, nil, "create", ""); err != nil {
		t.Fatal(err)
	}
	const nodes = 12 // of 240 KB: 2.9 MB
	var names []string
	for i := range nodes {
		r := nodeOf(fmt.Sprintf("n%02d", i))
		r.Spec = json.RawMessage(`{"big":"` + strings.Repeat(string(rune('a'+i)), 240<<10) + `"}`)
		names = append(names, r.Name)
		if err := s.Commit(t.Context(), store.Commit{MeshUID: "u1", IfGeneration: int64(i) + 1, RequestID: r.Name, Put: r}); err != nil {
			t.Fatal(err)
		}
	}
	check := func(what string, queries int, got []string) {
		t.Helper()
		if !slices.Equal(got, names) {
			t.Errorf("%s: got %v", what, got)
		}
		if n := w.Calls("Query"); n < queries {
			t.Errorf("%s: %d queries, want %d at least: the pages were not real", what, n, queries)
		}
	}
	w.Calls("Query")
	var got []string
	list, err := s.List(t.Context(), "u1", resource.KindVirtualNode, "", "", 100)
	for _, r := range list {
		got = append(got, r.Name)
	}
	check(fmt.Sprintf("list (%v)", err), 3, got)

	got = nil
	page, next, err := s.Page(t.Context(), "u1", "", 10)
	second, end, secondErr := s.Page(t.Context(), "u1", next, 10)
	for _, r := range append(page, second...) {
		got = append(got, r.Name)
	}
	if len(page) != 10 || end != "" {
		t.Errorf("pages of %d and %d, then %q", len(page), len(second), end)
	}
	check(fmt.Sprintf("pages (%v, %v)", err, secondErr), 4, got)

	got = nil
	entries, err := s.Journal(t.Context(), "u1", 1, 100)
	for _, e := range entries {
		got = append(got, e.Key.Name)
	}
	check(fmt.Sprintf("journal (%v)", err), 3, got)
}

// TestManyInstances: 1,000 of one service, beyond 1 MB, among tombstones.
func TestManyInstances(t *testing.T) {
	t.Parallel()
	w := &emulator.Wire{}
	client := dial(t, w)
	r := dynamodb.NewRegistry(client, table(t, client, types.ScalarAttributeTypeS), time.Now)
	const instances = 300
	for i := range instances {
		in := endpoint.Instance{Namespace: cart.Namespace, Service: cart.Service, ID: fmt.Sprintf("i%03d", i), Version: 1, Attributes: map[string]string{"big": strings.Repeat("x", 8<<10)}}
		if err := r.Register(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Deregister(t.Context(), cart, "i000"); err != nil {
		t.Fatal(err)
	}
	w.Calls("Query")
	list, err := r.Instances(t.Context(), cart)
	if err != nil || len(list) != instances-1 || list[0].ID != "i001" || w.Calls("Query") < 3 {
		t.Errorf("%d instances (%v)", len(list), err)
	}
	services, err := r.Services(t.Context())
	if err != nil || !slices.Equal(services, []endpoint.ServiceKey{cart}) || w.Calls("Scan") < 3 {
		t.Errorf("services %v (%v)", services, err)
	}
}

// TestTombstonesExpire: a row that says that an instance is gone has the TTL attribute, a day ahead; a row of one that is
// there has none, or DynamoDB would delete it.
func TestTombstonesExpire(t *testing.T) {
	t.Parallel()
	client := awsdynamodb.NewFromConfig(emulator.Config(t))
	name := table(t, client, types.ScalarAttributeTypeS)
	now := time.Unix(1_800_000_000, 0)
	r := dynamodb.NewRegistry(client, name, func() time.Time { return now })
	expires := func() string {
		t.Helper()
		out, err := client.GetItem(t.Context(), &awsdynamodb.GetItemInput{TableName: &name, Key: map[string]types.AttributeValue{
			"pk": &types.AttributeValueMemberS{Value: "shop.local/cart"}, "sk": &types.AttributeValueMemberS{Value: "a"},
		}})
		if err != nil || len(out.Item) == 0 {
			t.Fatal(err, out)
		}
		n, ok := out.Item["expires"].(*types.AttributeValueMemberN)
		if !ok {
			return ""
		}
		return n.Value
	}
	key := endpoint.InstanceKey{ServiceKey: cart, ID: "a"}
	const dayAhead = "1800086400"
	for i, step := range []struct {
		do   func() error
		want string
	}{
		{func() error {
			return r.Register(t.Context(), endpoint.Instance{Namespace: cart.Namespace, Service: cart.Service, ID: "a", Version: 1})
		}, ""},
		{func() error { return r.Deregister(t.Context(), cart, "a") }, dayAhead},
		{func() error { return r.Remove(t.Context(), key, 2) }, dayAhead},
		{func() error {
			return r.Register(t.Context(), endpoint.Instance{Namespace: cart.Namespace, Service: cart.Service, ID: "a", Version: 3})
		}, ""},
		{func() error { return r.Remove(t.Context(), key, 3) }, dayAhead},
	} {
		if err := step.do(); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
		if got := expires(); got != step.want {
			t.Errorf("step %d: expires %q, want %q", i, got, step.want)
		}
	}
}
