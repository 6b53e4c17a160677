package api

import (
	"math/rand/v2"
	"time"
)

// Of pauses between attempts: the mean of the shortest, how often it doubles, and how many doublings are left after it
// was halved again.
const (
	shortestPause = 4 * time.Millisecond
	doublings     = 7
	lastly        = 5
)

// pauses are what a writer waits after each race that it lost, at random between nothing and twice its mean. The mean
// doubles up to half a second, so that the many spread, and then halves again to a quarter: who has lost often comes
// sooner. Measured with 40 writers of one mesh (adapters/dynamodb's BenchmarkCommit): with pauses that stay at half a
// second, one request in 40 loses for ten seconds; with ones that become short, all of them meet twice as often.
type pauses struct{ lost int }

// NextBackOff implements backoff.BackOff.
func (p *pauses) NextBackOff() time.Duration {
	steps := min(p.lost, max(lastly, 2*doublings-p.lost))
	p.lost++
	return rand.N(2 * (shortestPause << steps))
}

// Reset implements backoff.BackOff.
func (p *pauses) Reset() { p.lost = 0 }
