package bolt_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/store"
)

// BenchmarkCommit measures commits with 1, 10 and 40 writers at the same time, each with a mesh of its own, from the
// call to the acknowledgement: the median of a lone writer is two fdatasyncs and little else.
func BenchmarkCommit(b *testing.B) {
	for _, writers := range []int{1, 10, 40} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) { benchmarkCommit(b, writers) })
	}
}

func benchmarkCommit(b *testing.B, writers int) {
	s := open(b)
	spec := json.RawMessage(`{"listeners":[{"portMapping":{"port":8080,"protocol":"http"}}],"serviceDiscovery":{"dns":{"hostname":"cart.shop.local"}}}`)
	for w := range writers {
		uid := fmt.Sprint("u", w)
		m := store.Mesh{Record: store.Record{Resource: resource.Resource{Key: resource.Key{Kind: resource.KindMesh, Name: uid}, UID: uid, Spec: spec}}}
		if err := s.CreateMesh(b.Context(), m, nil, "r", "bench"); err != nil {
			b.Fatal(err)
		}
	}
	each := b.N/writers + 1
	took := make([]time.Duration, writers*each)
	b.ResetTimer()
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				r := store.Record{Resource: resource.Resource{Key: resource.Key{Kind: resource.KindVirtualNode, Name: fmt.Sprint("node", i)}, UID: "x", Version: 1, Spec: spec}}
				start := time.Now()
				err := s.Commit(b.Context(), store.Commit{
					MeshUID: fmt.Sprint("u", w), IfGeneration: int64(i) + 1, RequestID: "r", Caller: "bench", At: start, Put: &r,
				})
				took[w*each+i] = time.Since(start)
				if err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
	b.ReportMetric(float64(len(took))/b.Elapsed().Seconds(), "commits/s")
}
