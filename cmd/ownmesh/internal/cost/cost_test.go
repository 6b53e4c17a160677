package cost

import (
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/token"
	"github.com/ownmesh/ownmesh/events"
	"github.com/ownmesh/ownmesh/internal/envoybin"
	"github.com/ownmesh/ownmesh/internal/golden"
)

const heading = "## A month, in dollars\n"

// With -update the reckoned part of docs/cost.md is written anew.
func TestThePageSaysWhatIsReckoned(t *testing.T) {
	path := filepath.Join(envoybin.Root(), "docs/cost.md")
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text, _, ok := strings.Cut(string(page), heading)
	if !ok {
		t.Fatalf("docs/cost.md has no heading %q", heading)
	}
	want := text + heading + Tables(BuiltIn())
	if golden.Updating() {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(page) != want {
		t.Error("docs/cost.md is not what is reckoned: `go test ./cmd/ownmesh/internal/cost -update` writes it anew")
	}
}

// What the stack is made of, and how often parts ask, is what is reckoned with.
func TestTheModelIsOfThisInstallation(t *testing.T) {
	read := func(path string) string {
		data, err := os.ReadFile(filepath.Join(envoybin.Root(), path))
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	options, stack := read("infra/options/table.go"), read("infra/installation/functions.go")
	number := func(text, pattern string) float64 {
		m := regexp.MustCompile(pattern).FindStringSubmatch(text)
		if m == nil {
			t.Errorf("nothing matches %s", pattern)
			return math.NaN()
		}
		n, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			t.Error(err)
		}
		return n
	}
	option := func(name string) float64 { return number(options, `"`+name+`", "([0-9.]+)s?"`) }
	lambda := func(name string) float64 { return number(stack, `var memory = .*"`+name+`": ([0-9]+)`) / 1024 }
	for what, c := range map[string][2]float64{
		"relayCpu":      {option("relayCpu") / 1024, relayCPU},
		"relayMemory":   {option("relayMemory") / 1024, relayGB},
		"relayMin":      {option("relayMin"), Reckon(Inputs{}, BuiltIn()).Inputs.Relays},
		"relayStreams":  {option("relayStreams"), streamsPerRelay},
		"relayInterval": {option("relayInterval"), relayInterval},
		"natGateways":   {option("natGateways"), 1},
		"compileMemory": {option("compileMemory") / 1024, compileGB},
		"api":           {lambda("api"), apiGB},
		"dispatch":      {lambda("dispatch"), dispatchGB},
		"register":      {lambda("register"), registerGB},
		"sweep":         {lambda("sweep"), sweepGB},
		"endpoints":     {float64(strings.Count(read("infra/installation/network.go"), "awsec2.InterfaceVpcEndpointAwsService_")), endpoints},
		"metrics":       {float64(strings.Count(read("infra/installation/metrics.go"), "\tfilter(\"")), metrics},
		"checkpoint":    {artifact.DefaultCheckpointInterval.Seconds(), checkpoint},
		"heartbeat":     {events.StatusHeartbeat.Seconds(), heartbeat},
		"tokens":        {2 * time.Hour.Hours() / token.DefaultTTL.Hours(), tokensPerHour},
	} {
		if c[0] != c[1] {
			t.Errorf("%s: the installation has %v, the model %v", what, c[0], c[1])
		}
	}
	// In a loop over compile and register are three of the alarms.
	made := strings.Count(read("infra/installation/alarms.go"), "name: \"") + 2*strings.Count(read("infra/installation/alarms.go"), "alarm{name: name +")
	if made != alarms {
		t.Errorf("the stack has %d alarms, the model %d", made, alarms)
	}
}

// Every line has its price and its reason, is counted once, and grows with what it depends on.
func TestBills(t *testing.T) {
	used := map[string]bool{}
	prices := BuiltIn()
	var before float64
	for _, s := range Sizes {
		for _, egress := range Egresses {
			in := s.Inputs
			in.Egress, in.Registered = egress, 1
			b := Reckon(in, prices)
			var sum float64
			seen := map[string]bool{}
			for _, l := range b.Lines {
				sum += l.Month
				if l.Why == "" || l.Unit == "" || l.Quantity <= 0 || math.Abs(l.Month-l.Quantity*l.Dollars) > 1e-9 || seen[l.Part+l.What] {
					t.Errorf("%s: %+v", s.Name, l)
				}
				seen[l.Part+l.What] = true
				for name, p := range prices.Prices {
					if p.Unit == l.Unit && p.Dollars == l.Dollars {
						used[name] = true
					}
				}
			}
			if math.Abs(sum-b.Month) > 1e-6 {
				t.Errorf("%s: the lines are %v together, the bill says %v", s.Name, sum, b.Month)
			}
		}
		b := Reckon(s.Inputs, prices)
		if b.Month <= before {
			t.Errorf("%s costs %v, less than the one before", s.Name, b.Month)
		}
		before = b.Month
	}
	for name, p := range prices.Prices {
		if !used[name] {
			t.Errorf("no line needs the price %s", name)
		}
		if p.Dollars <= 0 || p.Unit == "" || !strings.HasPrefix(p.Page, "https://aws.amazon.com/") {
			t.Errorf("price %s is %+v", name, p)
		}
	}
	if _, err := time.Parse(time.DateOnly, prices.Date); err != nil {
		t.Error(err)
	}
}

// What is easily forgotten: the address that a NAT gateway has, the log group that events are kept in, and what Ownmesh
// itself registers in Cloud Map.
func TestNothingIsForgotten(t *testing.T) {
	of := func(in Inputs, part, what string) float64 {
		for _, l := range Reckon(in, BuiltIn()).Lines {
			if l.Part == part && l.What == what {
				return l.Month
			}
		}
		return 0
	}
	for what, c := range map[string][2]float64{
		"a NAT gateway's address":           {of(Inputs{}, "network", "public IPv4"), 730 * 0.005},
		"addresses of relays":               {of(Inputs{Egress: "public"}, "network", "public IPv4"), 2 * 730 * 0.005},
		"endpoints need no address":         {of(Inputs{Egress: "endpoints"}, "network", "public IPv4"), 0},
		"500 bound tasks":                   {of(Inputs{Registered: 500}, "network", "Cloud Map"), 50},
		"ECS's own registrations":           {of(Inputs{Tasks: 500}, "network", "Cloud Map"), 0},
		"logs of 10 changes' 3 events each": {of(Inputs{ChangesPerDay: 10}, "watching", "logs") - of(Inputs{}, "watching", "logs"), (10*3*0.8 + 10*4*0.7) * 730 / 24 / 1e6 * 0.50},
	} {
		if math.Abs(c[0]-c[1]) > 1e-9 {
			t.Errorf("%s: %v dollars, want %v", what, c[0], c[1])
		}
	}
}

// One line by hand, so that a slip in the units shows.
func TestOneLineByHand(t *testing.T) {
	b := Reckon(Inputs{Tasks: 100}, BuiltIn())
	i := slices.IndexFunc(b.Lines, func(l Line) bool { return l.What == "S3 GET by relays" })
	// 2 relays x 2 logs x (1 a second + 1 each 30 s) x 730 h x 3600 s at $0.40 a million
	if want := 2 * 2 * (1 + 1.0/30) * 730 * 3600 * 0.40 / 1e6; math.Abs(b.Lines[i].Month-want) > 1e-9 {
		t.Errorf("relays' GETs cost %v, want %v", b.Lines[i].Month, want)
	}
}

func TestPricesOfOnesOwn(t *testing.T) {
	p, err := BuiltIn().With([]byte("date: \"2027-01-31\"\nregion: eu-central-1\nprices: {nat-hour: {dollars: 0.052}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if nat := p.Prices["nat-hour"]; nat.Dollars != 0.052 || nat.Unit == "" || p.Region != "eu-central-1" || p.Prices["nat-gb"].Dollars != 0.045 {
		t.Errorf("got %+v", p)
	}
	if BuiltIn().Prices["nat-hour"].Dollars != 0.045 {
		t.Error("the built-in price has changed")
	}
	for text, want := range map[string]string{
		"date: a\nregion: b\nprices: {nat: {dollars: 1}}":       "prices.nat is no price that is used",
		"date: a\nregion: b\nprices: {nat-gb: {dollars: -1}}":   "prices.nat-gb.dollars must not be negative",
		"date: a\nregion: b\nprices: {nat-gb: {dollar: 1}}":     "dollar",
		"prices: {nat-gb: {dollars: 1}}":                        "date and region",
		"date: a\nregion: b\nprices: {nat-gb: {dollars: free}}": "prices.dollars can't be a string",
	} {
		if _, err := BuiltIn().With([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func TestAmounts(t *testing.T) {
	for d, want := range map[float64]string{0: "–", 0.001: "<0.01", 0.01: "0.01", 12.345: "12.35", 1234567.891: "1,234,567.89"} {
		if got := Dollars(d); got != want {
			t.Errorf("%v is %s, want %s", d, got, want)
		}
	}
}
