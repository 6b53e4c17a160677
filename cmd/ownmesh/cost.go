package main

import (
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ownmesh/ownmesh/cmd/ownmesh/internal/cost"
)

func (a *app) costCommand() *cobra.Command {
	var in cost.Inputs
	var file string
	cmd := &cobra.Command{
		Use:     "cost",
		GroupID: groupRun,
		Short:   "Reckon what an installation in AWS costs a month",
		Long: `Cost reckons, from a table of AWS's list prices and from how Ownmesh works, what an installation with
one mesh costs a month: each part with its quantity, price and why. It asks AWS nothing; docs/cost.md says
more. Without flags it shows an idle installation and three sizes side by side.

Your own sidecars, gateways and load balancers are not in it, nor free tiers, discounts and taxes.`,
		Example: `  ownmesh cost
  ownmesh cost --services 40 --tasks 150 --changes-per-day 60 --api-requests 5000
  ownmesh cost --tasks 150 --egress public --prices frankfurt.yaml -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			alone := slices.ContainsFunc([]string{"services", "tasks", "changes-per-day", "api-requests", "registered", "relays", "egress"}, cmd.Flags().Changed)
			return a.cost(in, file, alone)
		},
	}
	flags := cmd.Flags()
	flags.Float64Var(&in.Services, "services", 0, "virtual services, each with a node, a router and a route")
	flags.Float64Var(&in.Tasks, "tasks", 0, "tasks with a sidecar")
	flags.Float64Var(&in.ChangesPerDay, "changes-per-day", 0, "changes of resources a day")
	flags.Float64Var(&in.APIRequests, "api-requests", 0, "other requests to the API a day; sidecars' own are reckoned")
	flags.Float64Var(&in.Registered, "registered", 0, "bound tasks and resolvable names that Ownmesh registers in Cloud Map")
	flags.Float64Var(&in.Relays, "relays", 0, "relays; 0 for as many as the stack's scaling has")
	flags.StringVar(&in.Egress, "egress", cost.Egresses[0], "how relays reach AWS: "+strings.Join(cost.Egresses, ", ")+" (a way that is there already)")
	flags.StringVar(&file, "prices", "", "`FILE` with prices of your own: docs/cost.md names them")
	completeFlag(cmd, "egress", words(cost.Egresses...))
	return cmd
}

// mostOf bounds inputs: beyond it something is mistyped.
const mostOf = 1e9

func (a *app) cost(in cost.Inputs, file string, alone bool) error {
	for _, v := range []struct {
		flag  string
		value float64
	}{{"services", in.Services}, {"tasks", in.Tasks}, {"changes-per-day", in.ChangesPerDay}, {"api-requests", in.APIRequests}, {"registered", in.Registered}, {"relays", in.Relays}} {
		if !(v.value >= 0 && v.value <= mostOf) {
			return usage("--%s must be a number from 0 to %g, got %v", v.flag, mostOf, v.value)
		}
	}
	if !slices.Contains(cost.Egresses, in.Egress) {
		return usage("--egress must be one of %s, got %q", strings.Join(cost.Egresses, ", "), in.Egress)
	}
	prices := cost.BuiltIn()
	if file != "" {
		data, err := os.ReadFile(file)
		if err != nil {
			return usage("--prices: %w", err)
		}
		if prices, err = prices.With(data); err != nil {
			return usage("--prices %s: %w", file, err)
		}
	}
	if alone {
		return a.showBill(cost.Reckon(in, prices))
	}
	var bills []cost.Bill
	for _, s := range cost.Sizes {
		bills = append(bills, cost.Reckon(s.Inputs, prices))
	}
	return a.showBills(bills)
}

func (a *app) showBill(b cost.Bill) error {
	return a.screen.Show(b, func() error {
		var rows [][]string
		for _, l := range b.Lines {
			rows = append(rows, []string{
				l.Part, l.What, cost.Quantity(l.Quantity) + " " + l.Unit, strconv.FormatFloat(l.Dollars, 'f', -1, 64), cost.Dollars(l.Month), l.Why,
			})
		}
		rows = append(rows, []string{"all", "", "", "", cost.Dollars(b.Month), ""})
		if err := a.screen.Table([]string{"part", "what", "a month", "each $", "$ a month", "why"}, rows); err != nil {
			return err
		}
		a.screen.Note("list prices of %s of %s; --prices takes others", b.Region, b.Date)
		return nil
	})
}

func (a *app) showBills(bills []cost.Bill) error {
	type sized struct {
		Name string `json:"name"`
		cost.Bill
	}
	var all []sized
	header := []string{"part", "what"}
	sum := []string{"all", ""}
	for i, b := range bills {
		all = append(all, sized{cost.Sizes[i].Name, b})
		header, sum = append(header, cost.Sizes[i].Name+" $"), append(sum, cost.Dollars(b.Month))
	}
	return a.screen.Show(map[string]any{"sizes": all}, func() error {
		var rows [][]string
		for _, r := range cost.Compare(bills) {
			row := []string{r.Part, r.What}
			if r.What != "" {
				row[0] = ""
			}
			for _, m := range r.Month {
				row = append(row, cost.Dollars(m))
			}
			rows = append(rows, row)
		}
		if err := a.screen.Table(header, append(rows, sum)); err != nil {
			return err
		}
		for i, s := range all {
			a.screen.Note("%s: %g services, %g tasks, %g changes and %g other requests a day, %g relays", s.Name, s.Inputs.Services, s.Inputs.Tasks, s.Inputs.ChangesPerDay, s.Inputs.APIRequests, bills[i].Inputs.Relays)
		}
		a.screen.Note("a month in dollars, at list prices of %s of %s; give inputs to see quantities and prices", bills[0].Region, bills[0].Date)
		return nil
	})
}
