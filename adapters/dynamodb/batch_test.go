package dynamodb_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/ownmesh/ownmesh/adapters/dynamodb"
	"github.com/ownmesh/ownmesh/core/store"
	"github.com/ownmesh/ownmesh/internal/emulator"
)

// piecewise is a fault: DynamoDB gives one row of a batch, and leaves the others for another call.
func piecewise(r *http.Request, send func(*http.Request) (*http.Response, error)) (*http.Response, error) {
	var in struct {
		RequestItems map[string]struct {
			Keys           []json.RawMessage
			ConsistentRead bool
		}
	}
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(body, &in)
	}
	if err != nil {
		return nil, err
	}
	left := map[string]any{}
	for name, wanted := range in.RequestItems {
		if len(wanted.Keys) > 1 {
			left[name] = map[string]any{"Keys": wanted.Keys[1:], "ConsistentRead": wanted.ConsistentRead}
			wanted.Keys = wanted.Keys[:1]
			in.RequestItems[name] = wanted
		}
	}
	if body, err = json.Marshal(in); err != nil {
		return nil, err
	}
	again := r.Clone(r.Context())
	again.Body, again.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	response, err := send(again)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	var out map[string]any
	if err := json.NewDecoder(response.Body).Decode(&out); err != nil {
		return nil, err
	}
	out["UnprocessedKeys"] = left
	if body, err = json.Marshal(out); err != nil {
		return nil, err
	}
	response.Body, response.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	response.Header.Del("X-Amz-Crc32")
	return response, nil
}

// TestUnprocessedKeys: what a batch leaves out is asked for again.
func TestUnprocessedKeys(t *testing.T) {
	t.Parallel()
	w := &emulator.Wire{}
	client := dial(t, w)
	s := dynamodb.New(client, table(t, client, types.ScalarAttributeTypeB))
	for _, name := range []string{"c", "a", "b"} {
		m := shop
		m.Name, m.UID = name, "u"+name
		if err := s.CreateMesh(t.Context(), m, nil, name, ""); err != nil {
			t.Fatal(err)
		}
	}
	w.Always(func(operation string) emulator.Fault {
		if operation == "BatchGetItem" {
			return piecewise
		}
		return nil
	})
	meshes, err := s.Meshes(t.Context(), "", 10)
	if err != nil || len(meshes) != 3 || meshes[0].Name != "a" || meshes[2].Name != "c" {
		t.Errorf("meshes %v (%v)", meshes, err)
	}
	if n := w.Calls("BatchGetItem"); n != 3 {
		t.Errorf("%d calls, want 3", n)
	}
}

// TestManyLargeMeshes: a batch gives at most 16 MB. DynamoDB Local leaves out the rest, as DynamoDB does.
func TestManyLargeMeshes(t *testing.T) {
	t.Parallel()
	w := &emulator.Wire{}
	client := dial(t, w)
	s := dynamodb.New(client, table(t, client, types.ScalarAttributeTypeB))
	const meshes = 75 // of 250 KB
	for i := range meshes {
		m := shop
		m.Name, m.UID = fmt.Sprintf("m%02d", i), fmt.Sprint("u", i)
		m.Spec = json.RawMessage(`{"big":"` + strings.Repeat("x", 250<<10) + `"}`)
		if err := s.CreateMesh(t.Context(), m, nil, m.Name, ""); err != nil {
			t.Fatal(err)
		}
	}
	list, err := s.Meshes(t.Context(), "", meshes+1)
	if err != nil || len(list) != meshes || !slices.IsSortedFunc(list, func(a, b store.Mesh) int { return strings.Compare(a.Name, b.Name) }) {
		t.Errorf("%d meshes, want %d, sorted (%v)", len(list), meshes, err)
	}
	if n := w.Calls("BatchGetItem"); os.Getenv(insideVariable) != "" && n < 2 {
		t.Errorf("%d batches: none was too large", n)
	}
}
