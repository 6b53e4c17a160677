package main

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestVerdicts(t *testing.T) {
	for _, c := range []struct {
		value, bar float64
		gated      bool
		want       verdict
		missed     bool
	}{
		{1.3, 1.3, true, passed, false},
		{1.31, 1.3, true, failed, true},
		{math.NaN(), 1.3, true, failed, true},
		{infinite, 1, true, failed, true},
		{29, 30, false, passed, false},
		{31, 30, false, slow, false},
		{31, 0, false, reported, false},
	} {
		var r report
		x := result{Value: c.value, Bar: c.bar, Unit: "x"}
		if c.gated {
			r.gate(x)
		} else {
			r.note(x)
		}
		if got := r.Results[0].Verdict; got != c.want || r.missed() != c.missed {
			t.Errorf("%v of %v, gated %v: %q, missed %v; want %q, %v", c.value, c.bar, c.gated, got, r.missed(), c.want, c.missed)
		}
		var out bytes.Buffer
		r.print(&out)
		if strings.Contains(out.String(), "MISSED") != c.missed {
			t.Errorf("the table of a result that is missed (%v):\n%s", c.missed, &out)
		}
	}
}

// TestWriteInfinite: a count of nothing can be written, too.
func TestWriteInfinite(t *testing.T) {
	r := newReport(false)
	r.gate(result{Value: ratio(0, 5), Unit: "x", Bar: 1})
	file := filepath.Join(t.TempDir(), "x.json")
	if err := r.write(file); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(file); err != nil || !strings.Contains(string(data), `"verdict": "MISSED"`) {
		t.Errorf("%v: %s", err, data)
	}
	if err := r.write(filepath.Join(t.TempDir(), "no", "folder")); err == nil {
		t.Error("a file in no folder was written")
	}
}

func TestQuantities(t *testing.T) {
	for _, c := range []struct {
		value float64
		unit  string
		want  string
	}{
		{1.284, "x", "1.28x"}, {0, "ms", "0 ms"}, {0.0634, "ms", "0.0634 ms"}, {35.26, "ms", "35.3 ms"}, {1234.5, "ms", "1,235 ms"},
		{60, "KB", "60 KB"}, {10_000, "units", "10,000 units"},
	} {
		if got := quantity(c.value, c.unit); got != c.want {
			t.Errorf("%v %s is spelt %q, want %q", c.value, c.unit, got, c.want)
		}
	}
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", -1000: "-1,000", -100: "-100", 1234567: "1,234,567"} {
		if got := count(n); got != want {
			t.Errorf("%d is spelt %q, want %q", n, got, want)
		}
	}
}

func TestQuantiles(t *testing.T) {
	hundred := make([]time.Duration, 100)
	for i := range hundred {
		hundred[99-i] = time.Duration(i + 1)
	}
	for share, want := range map[float64]time.Duration{0: 1, 0.5: 50, 0.99: 99, 1: 100} {
		if got := quantile(hundred, share); got != want {
			t.Errorf("the value below which %v of 1..100 lie is %d, want %d", share, got, want)
		}
	}
	if got := median([]int{7}); got != 7 {
		t.Errorf("the median of 7 is %d", got)
	}
	if got := median[int](nil); got != 0 {
		t.Errorf("the median of nothing is %d", got)
	}
	if got := ratio(4, 6); got != 1.5 {
		t.Errorf("4 goes %v times into 6", got)
	}
}
