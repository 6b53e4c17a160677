package relay

import (
	"testing"
	"time"

	"github.com/ownmesh/ownmesh/core/token"
)

// A stream outlives its token, but not for longer than clocks may be apart; and never its own age.
func TestWhenATokensStreamEnds(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	const most = time.Hour
	r := New(Options{Now: func() time.Time { return noon }, MaxStreamAge: most})
	for _, test := range []struct{ left, earliest, latest time.Duration }{
		{time.Minute, time.Minute, time.Minute + token.Leeway},
		{0, 0, token.Leeway},
		{-token.Leeway, 0, 0},
		{-time.Hour, 0, 0},
		{24 * time.Hour, most * 9 / 10, most * 11 / 10},
	} {
		seen := map[time.Duration]bool{}
		for range 100 {
			ends := (&grant{token.Claims{Expires: noon.Add(test.left)}}).ends(r)
			if seen[ends] = true; ends < test.earliest || ends > test.latest {
				t.Errorf("a token with %v left: its stream ends after %v, want %v to %v", test.left, ends, test.earliest, test.latest)
			}
		}
		if test.earliest != test.latest && len(seen) < 2 {
			t.Errorf("tokens with %v left all end at once: relays would be asked all at once", test.left)
		}
	}
}
