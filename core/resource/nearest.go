package resource

import (
	"strings"

	edlib "github.com/hbollon/go-edlib"
)

// This file: what somebody probably meant to type.

// nearest is the known name that name is a likely mistyping of, or "".
func nearest(name string, known []string) string {
	const longest = 64 // no known name comes near
	if len(name) > longest {
		return ""
	}
	plain := strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(name))
	best, bestEdits := "", 1+max(1, len(plain)/4)
	for _, k := range known {
		if edits := edlib.OSADamerauLevenshteinDistance(plain, strings.ToLower(k)); edits < bestEdits {
			best, bestEdits = k, edits
		}
	}
	return best
}
