package resource

import "strings"

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
		if edits := distance(plain, strings.ToLower(k)); edits < bestEdits {
			best, bestEdits = k, edits
		}
	}
	return best
}

// distance is how many letters must be put in, taken out, replaced, or swapped with their neighbour to make b of a.
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j // from nothing to b[:j]
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			replace := last[j]
			if a[i] != b[j] {
				replace++
			}
			row[j+1] = min(replace, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
