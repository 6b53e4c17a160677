package main

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// median is the middle of some values; of none it is the zero value.
func median[T cmp.Ordered](values []T) T {
	return quantile(values, 0.5)
}

// quantile is the value below which a share of the values lies: one of them. Of none it is the zero value.
func quantile[T cmp.Ordered](values []T, share float64) T {
	if len(values) == 0 {
		var none T
		return none
	}
	sorted := slices.Sorted(slices.Values(values))
	at := int(math.Ceil(share*float64(len(sorted)))) - 1
	return sorted[min(max(at, 0), len(sorted)-1)]
}

// ratio is how often first goes into second; infinite, and so over every bar, if nothing was counted.
func ratio(first, second int64) float64 {
	if first <= 0 {
		return infinite
	}
	return float64(second) / float64(first)
}

// infinite is over every bar; JSON can spell it.
const infinite = math.MaxFloat64

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func kb(bytes float64) float64 { return bytes / 1024 }

// spread is how the times at which clients had something lie.
type spread struct{ p50, p99, last []time.Duration }

// add notes one round.
func (s *spread) add(took []time.Duration) {
	s.p50 = append(s.p50, quantile(took, 0.5))
	s.p99 = append(s.p99, quantile(took, 0.99))
	s.last = append(s.last, slices.Max(took))
}

// details puts the medians over all rounds into details.
func (s *spread) details(to map[string]float64, name string) {
	to[name+"P50Ms"], to[name+"P99Ms"], to[name+"LastMs"] = ms(median(s.p50)), ms(median(s.p99)), ms(median(s.last))
}
