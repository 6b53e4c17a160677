package dynamodb_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/uuid"

	"github.com/ownmesh/ownmesh/adapters/dynamodb"
	"github.com/ownmesh/ownmesh/core/api"
	"github.com/ownmesh/ownmesh/internal/emulator"
)

// lambdas are APIs that share nothing but the table, as Lambdas do: each serves one request at a time.
func lambdas(tb testing.TB, w *emulator.Wire, n int) (apis []http.Handler, s *dynamodb.Store) {
	tb.Helper()
	client := dial(tb, w)
	s = dynamodb.New(client, table(tb, client, types.ScalarAttributeTypeB))
	registry := dynamodb.NewRegistry(client, table(tb, client, types.ScalarAttributeTypeS), time.Now)
	for range n {
		apis = append(apis, api.New(api.Options{
			Store: s, Registry: registry, Now: time.Now, NewID: uuid.NewString, Account: "123456789012", Region: "us-east-1",
		}))
	}
	return apis, s
}

// put sends a request, again when it is told that there is too much to do: clients of App Mesh do.
func put(h http.Handler, path, body string) (told int, err error) {
	for {
		answer := httptest.NewRecorder()
		h.ServeHTTP(answer, httptest.NewRequest(http.MethodPut, "/v20190125/"+path, strings.NewReader(body)))
		switch answer.Code {
		case http.StatusOK:
			return told, nil
		case http.StatusTooManyRequests:
			told++
		default:
			return told, fmt.Errorf("put %s: %d %s", path, answer.Code, answer.Body)
		}
	}
}

const nodeSpec = `{"listeners":[{"portMapping":{"port":8080,"protocol":"http"}}],"serviceDiscovery":{"dns":{"hostname":"cart.shop.local"}}}`

// load lets each API make some virtual nodes in one mesh, all at the same time. It gives how often they were told to
// come again.
func load(tb testing.TB, apis []http.Handler, mesh string, each int) (told int64) {
	tb.Helper()
	var busy atomic.Int64
	var wg sync.WaitGroup
	for i, h := range apis {
		wg.Go(func() {
			for n := range each {
				t, err := put(h, "meshes/"+mesh+"/virtualNodes", fmt.Sprintf(`{"virtualNodeName":"w%d-%d","spec":%s}`, i, n, nodeSpec))
				busy.Add(int64(t))
				if err != nil {
					tb.Errorf("writer %d: %v", i, err)
					return
				}
			}
		})
	}
	wg.Wait()
	return busy.Load()
}

// TestContention: 10 and 40 writers of one mesh, over a good and a bad connection: no commit is lost or done twice.
func TestContention(t *testing.T) {
	for _, test := range []struct {
		writers, each int
		faults        bool
	}{{10, 5, false}, {40, 3, false}, {10, 5, true}} {
		t.Run(fmt.Sprintf("%d writers, faults %v", test.writers, test.faults), func(t *testing.T) {
			w := &emulator.Wire{}
			apis, s := lambdas(t, w, test.writers)
			if _, err := put(apis[0], "meshes", `{"meshName":"shop"}`); err != nil {
				t.Fatal(err)
			}
			w.Calls("TransactWriteItems")
			if test.faults {
				n := 0
				bad := []emulator.Fault{emulator.Lost, busy["throttling"], emulator.Unsent, unclear["internal error"], cancelled("None", "TransactionConflict")}
				w.Always(func(operation string) emulator.Fault {
					if operation != "TransactWriteItems" {
						return nil
					}
					if n++; n%4 == 0 {
						return bad[n/4%len(bad)]
					}
					return nil
				})
			}
			start := time.Now()
			told := load(t, apis, "shop", test.each)
			took := time.Since(start)
			w.Heal()
			commits := test.writers * test.each
			t.Logf("%d writers: %.0f commits/s, %.1f transactions a commit, %d requests told to come again",
				test.writers, float64(commits)/took.Seconds(), float64(w.Calls("TransactWriteItems"))/float64(commits), told)
			once(t, s, test.writers, test.each)
		})
	}
}

// once checks that each of load's writes is one generation and one resource.
func once(t *testing.T, s *dynamodb.Store, writers, each int) {
	t.Helper()
	m, err := s.MeshByName(t.Context(), "shop")
	if err != nil {
		t.Fatal(err)
	}
	commits := writers * each
	entries, err := s.Journal(t.Context(), m.UID, 1, commits*2)
	if err != nil {
		t.Fatal(err)
	}
	if m.Generation != int64(commits)+1 || len(entries) != commits {
		t.Fatalf("generation %d and %d entries after %d commits", m.Generation, len(entries), commits)
	}
	made, requests := map[string]bool{}, map[string]bool{}
	for i, e := range entries {
		if e.Generation != int64(i)+2 || made[e.Key.Name] || requests[e.RequestID] {
			t.Errorf("entry %d: generation %d, %s, request %s", i, e.Generation, e.Key, e.RequestID)
		}
		made[e.Key.Name], requests[e.RequestID] = true, true
	}
	page, next, err := s.Page(t.Context(), m.UID, "", commits*2)
	if err != nil || next != "" || len(page) != commits {
		t.Errorf("%d resources, want %d (%v)", len(page), commits, err)
	}
	for _, r := range page {
		if !made[r.Name] || r.Version != 1 {
			t.Errorf("%s has version %d, or is not in the journal", r.Name, r.Version)
		}
	}
}

// BenchmarkCommit measures a commit through the API, with 1, 10 and 40 writers: of one mesh, and each of its own. What it
// says of DynamoDB is how many calls there are; how long they take is the emulator's.
func BenchmarkCommit(b *testing.B) {
	for _, writers := range []int{1, 10, 40} {
		for _, meshes := range []int{1, writers} {
			b.Run(fmt.Sprintf("writers=%d/meshes=%d", writers, meshes), func(b *testing.B) {
				w := &emulator.Wire{}
				apis, _ := lambdas(b, w, writers)
				for i := range meshes {
					if _, err := put(apis[0], "meshes", fmt.Sprintf(`{"meshName":"shop%d"}`, i)); err != nil {
						b.Fatal(err)
					}
				}
				reads := func() float64 { return float64(w.Calls("GetItem") + w.Calls("Query")) }
				transactions := func() float64 { return float64(w.Calls("TransactWriteItems")) }
				reads()
				transactions()
				var told atomic.Int64
				each := b.N/writers + 1
				b.ResetTimer()
				var wg sync.WaitGroup
				for i := range meshes {
					wg.Go(func() {
						told.Add(load(b, apis[i*writers/meshes:(i+1)*writers/meshes], fmt.Sprint("shop", i), each))
					})
				}
				wg.Wait()
				b.StopTimer()
				commits := float64(writers * each)
				b.ReportMetric(commits/b.Elapsed().Seconds(), "commits/s")
				b.ReportMetric(transactions()/commits, "transactions/commit")
				b.ReportMetric(reads()/commits, "reads/commit")
				b.ReportMetric(float64(told.Load()), "told-to-come-again")
			})
			if writers == 1 {
				break
			}
		}
	}
}
