package cost

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Dollars shows an amount: 0.004 as less than a cent, 1234.5 as 1,234.50.
func Dollars(d float64) string {
	switch {
	case d == 0:
		return "–"
	case d < 0.005:
		return "<0.01"
	}
	return thousands(strconv.FormatFloat(d, 'f', 2, 64))
}

// Quantity shows a quantity: whole from ten on.
func Quantity(q float64) string {
	if q >= 10 {
		return thousands(strconv.FormatFloat(math.Round(q), 'f', 0, 64))
	}
	return strconv.FormatFloat(q, 'g', 3, 64)
}

func thousands(s string) string {
	whole, rest, _ := strings.Cut(s, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if rest == "" {
		return whole
	}
	return whole + "." + rest
}

// Row is a line of several bills side by side.
type Row struct {
	Part, What string
	Month      []float64
}

// Compare puts bills side by side: a row a line, and a row a part with What "".
func Compare(bills []Bill) []Row {
	var rows []Row
	at := map[[2]string]int{}
	for i, b := range bills {
		for _, l := range b.Lines {
			key := [2]string{l.Part, l.What}
			if _, ok := at[key]; !ok {
				at[key] = len(rows)
				rows = append(rows, Row{Part: l.Part, What: l.What, Month: make([]float64, len(bills))})
			}
			rows[at[key]].Month[i] = l.Month
		}
	}
	var parts []string // in the order of Reckon, which the last and largest bill has whole
	for _, b := range slices.Backward(bills) {
		for _, l := range b.Lines {
			if !slices.Contains(parts, l.Part) {
				parts = append(parts, l.Part)
			}
		}
	}
	var sorted []Row
	for _, part := range parts {
		sum := Row{Part: part, Month: make([]float64, len(bills))}
		for _, r := range rows {
			for i := range bills {
				if r.Part == part {
					sum.Month[i] += r.Month[i]
				}
			}
		}
		sorted = append(sorted, sum)
		for _, r := range rows {
			if r.Part == part {
				sorted = append(sorted, r)
			}
		}
	}
	return sorted
}

// Tables is the part of docs/cost.md that is reckoned.
func Tables(p Prices) string {
	var bills []Bill
	var b strings.Builder
	b.WriteString("| | idle | small | medium | large |\n|---|---:|---:|---:|---:|\n")
	inputs := func(name string, value func(Inputs) float64) {
		fmt.Fprintf(&b, "| %s |", name)
		for _, bill := range bills {
			fmt.Fprintf(&b, " %s |", Quantity(value(bill.Inputs)))
		}
		b.WriteString("\n")
	}
	for _, s := range Sizes {
		bills = append(bills, Reckon(s.Inputs, p))
	}
	inputs("services", func(i Inputs) float64 { return i.Services })
	inputs("tasks", func(i Inputs) float64 { return i.Tasks })
	inputs("changes a day", func(i Inputs) float64 { return i.ChangesPerDay })
	inputs("other requests a day", func(i Inputs) float64 { return i.APIRequests })
	inputs("relays", func(i Inputs) float64 { return i.Relays })
	row := func(name string, month func(Bill) float64) {
		fmt.Fprintf(&b, "| %s |", name)
		for _, bill := range bills {
			fmt.Fprintf(&b, " %s |", Dollars(month(bill)))
		}
		b.WriteString("\n")
	}
	row("**dollars a month**", func(b Bill) float64 { return b.Month })
	for _, r := range Compare(bills) {
		name := "**" + r.Part + "**"
		if r.What != "" {
			name = r.What
		}
		fmt.Fprintf(&b, "| %s |", name)
		for _, m := range r.Month {
			fmt.Fprintf(&b, " %s |", Dollars(m))
		}
		b.WriteString("\n")
	}
	for _, egress := range Egresses[1:] {
		row("*with egress `"+egress+"`*", func(b Bill) float64 {
			in := b.Inputs
			in.Egress = egress
			return Reckon(in, p).Month
		})
	}
	b.WriteString("\n## How the medium one is reckoned\n| part | what | a month | each, dollars | dollars | why |\n|---|---|---:|---:|---:|---|\n")
	for _, l := range bills[2].Lines {
		fmt.Fprintf(&b, "| %s | %s | %s %s | %s | %s | %s |\n", l.Part, l.What, Quantity(l.Quantity), l.Unit, strconv.FormatFloat(l.Dollars, 'f', -1, 64), Dollars(l.Month), l.Why)
	}
	fmt.Fprintf(&b, "\n## Prices\nOf %s, %s: `cmd/ownmesh/internal/cost/prices.yaml`.\n\n| price | dollars | a | page |\n|---|---:|---|---|\n", p.Region, p.Date)
	for _, name := range slices.Sorted(maps.Keys(p.Prices)) {
		price := p.Prices[name]
		fmt.Fprintf(&b, "| `%s` | %s | %s | <%s> |\n", name, strconv.FormatFloat(price.Dollars, 'f', -1, 64), price.Unit, price.Page)
	}
	return b.String()
}
