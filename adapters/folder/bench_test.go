package folder_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"
)

// BenchmarkCreate measures the way of a change into the log: one small object in a folder that is there already.
func BenchmarkCreate(b *testing.B) {
	for _, size := range []int{2 << 10, 100 << 10} {
		b.Run(fmt.Sprintf("bytes=%d", size), func(b *testing.B) {
			o := open(b, b.TempDir())
			data := bytes.Repeat([]byte("x"), size)
			var took []time.Duration
			for b.Loop() {
				start := time.Now()
				if _, err := o.Create(b.Context(), fmt.Sprintf("meshes/u/config/0000000000001/%012d", len(took)), data); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(start))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
		})
	}
}
