// Package cost reckons what an installation in AWS costs a month, part by part, from a table of prices and from how the
// parts work.
//
// It asks AWS nothing and measures nothing: quantities follow from the design (how often a relay asks, what a commit
// writes), and where one is assumed its line says so. Start with Reckon in model.go; the prices are in prices.yaml.
package cost

import (
	"cmp"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

//go:embed prices.yaml
var builtIn []byte

// Price is what one unit costs.
type Price struct {
	Dollars float64 `json:"dollars"`
	Unit    string  `json:"unit"`
	Page    string  `json:"page"` // where it is from
}

// Prices is a table of prices, of one region and date.
type Prices struct {
	Date   string           `json:"date"`
	Region string           `json:"region"`
	Prices map[string]Price `json:"prices"`
}

// BuiltIn is the table that comes with this program.
func BuiltIn() Prices {
	p, err := parse(builtIn)
	if err != nil {
		panic(err) // a test reads it
	}
	return p
}

func parse(data []byte) (Prices, error) {
	var p Prices
	if err := yaml.UnmarshalStrict(data, &p); err != nil {
		return p, fmt.Errorf("a file of prices holds date, region and prices, a dollars each: %w", plainly(err))
	}
	return p, nil
}

// plainly is what an error of the YAML library says, without its own travels through JSON.
func plainly(err error) error {
	said := err.Error()
	for _, prefix := range []string{"error unmarshaling JSON: ", "while decoding JSON: ", "error converting YAML to JSON: ", "json: "} {
		said = strings.TrimPrefix(said, prefix)
	}
	if wrong := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrong) {
		said = fmt.Sprintf("%s can't be a %s", cmp.Or(wrong.Field, "the whole"), wrong.Value)
	}
	return errors.New(said)
}

// With is the table with the prices of a file in its place: those that the file does not hold stay as they are.
func (p Prices) With(file []byte) (Prices, error) {
	given, err := parse(file)
	if err != nil {
		return p, err
	}
	merged := Prices{Date: given.Date, Region: given.Region, Prices: maps.Clone(p.Prices)}
	if merged.Date == "" || merged.Region == "" {
		return p, fmt.Errorf("date and region must say of when and where the prices are")
	}
	for _, name := range slices.Sorted(maps.Keys(given.Prices)) {
		known, ok := p.Prices[name]
		price := given.Prices[name]
		switch {
		case !ok:
			return p, fmt.Errorf("prices.%s is no price that is used; there are %s", name, strings.Join(slices.Sorted(maps.Keys(p.Prices)), ", "))
		case price.Dollars < 0:
			return p, fmt.Errorf("prices.%s.dollars must not be negative, got %v", name, price.Dollars)
		}
		if price.Unit == "" {
			price.Unit = known.Unit
		}
		if price.Page == "" {
			price.Page = known.Page
		}
		merged.Prices[name] = price
	}
	return merged, nil
}
