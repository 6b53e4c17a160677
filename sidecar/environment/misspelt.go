package environment

import (
	"cmp"
	"slices"
	"strings"

	edlib "github.com/hbollon/go-edlib"
)

// Misspelling is a variable that nobody reads, and the one that was probably meant.
type Misspelling struct{ Name, Meant string }

// Short names are too easily near each other, and belong to everybody.
const leastMisspelt = 12

// Misspelt finds in an environment, given as os.Environ has it, what is a letter or two from a variable that is known
// here. Other names are others' business: an environment is full of them. The result is sorted.
func Misspelt(environ []string) []Misspelling {
	known := map[string]bool{}
	for _, v := range Variables {
		known[v.Name] = true
	}
	var all []Misspelling
	for _, one := range environ {
		name, _, _ := strings.Cut(one, "=")
		if len(name) < leastMisspelt || len(name) > 100 || known[name] {
			continue
		}
		best := Misspelling{Name: name}
		least := 3
		for _, v := range Variables {
			if d := edlib.OSADamerauLevenshteinDistance(name, v.Name); d < least && len(v.Name) >= leastMisspelt {
				best.Meant, least = v.Name, d
			}
		}
		if best.Meant != "" {
			all = append(all, best)
		}
	}
	slices.SortFunc(all, func(a, b Misspelling) int { return cmp.Compare(a.Name, b.Name) })
	return all
}
