package api

import (
	"testing"
	"time"
)

// TestPauses: they spread those who lost a few races over a second, and let those come soon who lost many.
func TestPauses(t *testing.T) {
	const writers, races = 2000, 20
	var mean [races]time.Duration
	for range writers {
		p := &pauses{}
		p.Reset()
		for i := range mean {
			d := p.NextBackOff()
			if d < 0 || d > 1100*time.Millisecond {
				t.Fatalf("pause %d: %v", i, d)
			}
			mean[i] += d / writers
		}
	}
	for i, want := range []time.Duration{4, 8, 16, 32, 64, 128, 256, 512, 256, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128} {
		if want *= time.Millisecond; mean[i] < want*8/10 || mean[i] > want*12/10 {
			t.Errorf("after %d lost races: %v in the mean, want about %v", i+1, mean[i], want)
		}
	}
}
