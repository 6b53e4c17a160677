package cost

import (
	"fmt"
	"math"
)

// Inputs say how large a mesh is, and how much happens in it.
type Inputs struct {
	Services      float64 `json:"services"`      // virtual services, each with a node, a router and a route
	Tasks         float64 `json:"tasks"`         // with a sidecar
	ChangesPerDay float64 `json:"changesPerDay"` // of resources: commits
	APIRequests   float64 `json:"apiRequests"`   // a day, besides changes and sidecars': plans, lists, status
	Registered    float64 `json:"registered"`    // bound tasks and names that Ownmesh registers in Cloud Map
	Relays        float64 `json:"relays"`        // 0: as many as the stack's scaling has
	Egress        string  `json:"egress"`        // how relays reach AWS: nat, public, endpoints, or existing (yours)
}

// Egresses are the values of Inputs.Egress; the first three are the stack's option of the same name.
var Egresses = []string{"nat", "public", "endpoints", "existing"}

// Size is an example.
type Size struct {
	Name string
	Inputs
}

// Sizes are the examples of docs/cost.md.
var Sizes = []Size{
	{"idle", Inputs{}},
	{"small", Inputs{Services: 10, Tasks: 30, ChangesPerDay: 20, APIRequests: 1000}},
	{"medium", Inputs{Services: 100, Tasks: 500, ChangesPerDay: 200, APIRequests: 10_000}},
	{"large", Inputs{Services: 1000, Tasks: 5000, ChangesPerDay: 2000, APIRequests: 100_000}},
}

// Line is one cost: a quantity a month at a price.
type Line struct {
	Part     string  `json:"part"`
	What     string  `json:"what"`
	Quantity float64 `json:"quantity"`
	Unit     string  `json:"unit"`
	Dollars  float64 `json:"dollars"` // of one
	Month    float64 `json:"month"`   // dollars
	Why      string  `json:"why"`     // this quantity
}

// Bill is all of it.
type Bill struct {
	Inputs Inputs  `json:"inputs"`
	Region string  `json:"region"`
	Date   string  `json:"date"`
	Lines  []Line  `json:"lines"`
	Month  float64 `json:"month"` // dollars
}

// A month, as AWS reckons it.
const (
	hours   = 730.0
	days    = hours / 24
	minutes = hours * 60
	seconds = minutes * 60
)

// How the stack is made without options: infra/options/table.go and infra/installation.
const (
	relayCPU, relayGB = 0.5, 1.0
	streamsPerRelay   = 2000
	zones             = 2
	endpoints         = 5  // ECR (2), CloudWatch Logs, KMS, EventBridge; S3's gateway endpoint is free
	alarms            = 16 // of the stack
	scalingAlarms     = 4  // of target tracking: two for CPU, two for streams
	metrics           = 3  // made of log lines
	queues            = 3  // compile, register, task events: what Lambda polls
	compileGB         = 1769.0 / 1024
	apiGB             = 0.5
	dispatchGB        = 0.25
	registerGB        = 0.5
	sweepGB           = 0.5
)

// How the parts work.
const (
	logs            = 2.0              // a mesh: config and endpoints
	relayInterval   = 1.0              // seconds between two questions for a log
	checkpoint      = 30.0             // seconds between two looks at its checkpoint
	heartbeat       = 30.0             // seconds between two writes of a relay's status
	lookEvery       = 5.0              // minutes between two sweeps that have every mesh looked at
	tokensPerHour   = 2.0              // a token is good for an hour, and renewed at half of that
	streamsPerHour  = 60.0 / 35        // a stream is ended after 35 minutes
	dnsTTL          = 10.0             // seconds that a zone's resolver keeps the relays' addresses
	lambdaPolls     = 5 * seconds / 20 // of a queue that is empty: five pollers, 20 s each
	commitWrites    = 16.0             // units: 5 to 8 items of up to 1 KB, twice because of the transaction
	commitReads     = 12.0             // units: the mesh, what it refers to, what refers to it
	turnover        = 1.0              // how often a day each task is replaced: assumed
	eventsOfTask    = 6.0              // that ECS sends from start to stop: assumed
	kilobyte        = 1.0 / 1e6        // GB
	monthsOfJournal = 12.0             // that the journal has grown: assumed
)

// Reckon says what an installation with one mesh costs a month.
func Reckon(in Inputs, p Prices) Bill {
	if in.Relays == 0 {
		in.Relays = math.Max(2, math.Ceil(in.Tasks/streamsPerRelay))
	}
	if in.Egress == "" {
		in.Egress = Egresses[0]
	}
	b := &Bill{Inputs: in, Region: p.Region, Date: p.Date}
	for _, part := range []func(Inputs, func(Line, string)){relays, network, keys, api, handlers, tables, artifacts, messages, watching} {
		part(in, func(l Line, price string) {
			found, ok := p.Prices[price]
			if !ok {
				panic("no price " + price) // a test reckons every line
			}
			l.Unit, l.Dollars = found.Unit, found.Dollars
			if l.Month = l.Quantity * l.Dollars; l.Quantity > 0 {
				b.Lines = append(b.Lines, l)
				b.Month += l.Month
			}
		})
	}
	return *b
}

func relays(in Inputs, add func(Line, string)) {
	const part = "relays"
	add(Line{Part: part, What: "Fargate, CPU", Quantity: in.Relays * relayCPU * hours, Why: fmt.Sprintf("%g relays of %g vCPU, all the time", in.Relays, relayCPU)}, "fargate-vcpu-hour")
	add(Line{Part: part, What: "Fargate, memory", Quantity: in.Relays * relayGB * hours, Why: fmt.Sprintf("%g relays of %g GB, all the time", in.Relays, relayGB)}, "fargate-gb-hour")
}

func network(in Inputs, add func(Line, string)) {
	const part = "network"
	// Through NAT go logs and events of relays, and images; what they read of S3 does not.
	outside := in.Relays*minutes*kilobyte + proxyEvents(in)*2*kilobyte
	switch in.Egress {
	case "nat":
		add(Line{Part: part, What: "NAT gateway", Quantity: hours, Why: "one, all the time"}, "nat-hour")
		add(Line{Part: part, What: "public IPv4", Quantity: hours, Why: "the NAT gateway's own"}, "ipv4-hour")
		add(Line{Part: part, What: "through it", Quantity: outside, Why: "logs and events of relays; S3 is reached without it"}, "nat-gb")
	case "public":
		add(Line{Part: part, What: "public IPv4", Quantity: in.Relays * hours, Why: "one a relay"}, "ipv4-hour")
	case "endpoints":
		add(Line{Part: part, What: "interface endpoints", Quantity: endpoints * zones * hours, Why: fmt.Sprintf("%d services in %d zones", endpoints, zones)}, "endpoint-hour")
	}
	add(Line{Part: part, What: "DNS zone of relays", Quantity: 1, Why: "a private namespace of Cloud Map"}, "dns-zone")
	if in.Tasks > 0 {
		add(Line{Part: part, What: "DNS queries", Quantity: zones * seconds / dnsTTL, Why: fmt.Sprintf("each zone's resolver, every %g s; it answers sidecars itself", dnsTTL)}, "dns-query")
	}
	add(Line{Part: part, What: "Cloud Map", Quantity: in.Registered, Why: "bound tasks and names that are registered there; what ECS registers is not counted"}, "cloud-map-instance")
}

func keys(in Inputs, add func(Line, string)) {
	const part = "keys"
	add(Line{Part: part, What: "KMS keys", Quantity: 2, Why: "one signs sidecars' tokens, one the relays' certificates"}, "kms-key")
	add(Line{Part: part, What: "KMS signatures", Quantity: tokens(in), Why: fmt.Sprintf("%g tokens an hour and task", tokensPerHour)}, "kms-sign")
}

func api(in Inputs, add func(Line, string)) {
	const part = "API"
	requests := (in.APIRequests+in.ChangesPerDay)*days + tokens(in)
	const took = 0.1
	add(Line{Part: part, What: "API Gateway", Quantity: requests, Why: "changes, other requests, and sidecars' tokens"}, "api-request")
	add(Line{Part: part, What: "Lambda api, calls", Quantity: requests, Why: "one a request"}, "lambda-request")
	add(Line{Part: part, What: "Lambda api, time", Quantity: requests * took * apiGB, Why: fmt.Sprintf("%g GB for %g s each: assumed", apiGB, took)}, "lambda-gb-second")
}

func handlers(in Inputs, add func(Line, string)) {
	const part = "handlers"
	changes, looks := in.ChangesPerDay*days, minutes/lookEvery
	tasks := in.Tasks * turnover * days * eventsOfTask
	add(Line{Part: part, What: "Lambda calls", Quantity: 3*changes + 2*looks + minutes + tasks/2, Why: "dispatch, compile and register a change; compile and register each 5 minutes; sweep each minute; task events in batches"}, "lambda-request")
	const quick, compiled = 0.05, 0.3
	time := changes*(quick*dispatchGB+compiled*compileGB+quick*registerGB) + // a change
		looks*(compiled*compileGB+(compiled+0.002*in.Services)*registerGB) + // a look at everything
		minutes*compiled*sweepGB + tasks/2*quick*registerGB
	add(Line{Part: part, What: "Lambda time", Quantity: time, Why: "dispatch 0.05 s, compile 0.3 s, register 0.05 s a change; a look 0.3 s, and 2 ms a service to register; sweep 0.3 s: assumed"}, "lambda-gb-second")
}

func tables(in Inputs, add func(Line, string)) {
	const part = "tables"
	changes, looks := in.ChangesPerDay*days, minutes/lookEvery
	replaced := in.Tasks * turnover * days
	add(Line{Part: part, What: "DynamoDB writes", Quantity: changes*commitWrites + replaced*2, Why: fmt.Sprintf("%g units a commit, in one transaction; one as a task comes, one as it goes", commitWrites)}, "dynamodb-write")
	reads := (in.APIRequests*days + tokens(in)) * 2
	add(Line{Part: part, What: "DynamoDB reads", Quantity: changes*(commitReads+4) + reads + looks*(5+in.Services) + minutes, Why: "12 units to check a commit, 4 to follow it, 2 any other request; each 5 minutes the mesh's row and every service's instances"}, "dynamodb-read")
	size := (in.Services*4 + changes*monthsOfJournal) * kilobyte
	add(Line{Part: part, What: "DynamoDB storage", Quantity: size, Why: "1 KB a resource, and each change of a year in the journal"}, "dynamodb-gb")
	add(Line{Part: part, What: "point-in-time recovery", Quantity: size, Why: "of the same"}, "dynamodb-backup-gb")
}

func artifacts(in Inputs, add func(Line, string)) {
	const part = "artifacts"
	changes, looks := in.ChangesPerDay*days, minutes/lookEvery
	polled := 0.0
	if in.Tasks > 0 {
		polled = in.Relays * logs * seconds * (1/relayInterval + 1/checkpoint)
		add(Line{Part: part, What: "S3 GET by relays", Quantity: polled, Why: fmt.Sprintf("each relay asks for news of each of %g logs every %g s, and for its checkpoint every %g s", logs, relayInterval, checkpoint)}, "s3-get")
		add(Line{Part: part, What: "S3 PUT by relays", Quantity: in.Relays * (seconds/heartbeat + changes), Why: fmt.Sprintf("status: every %g s, and after a change", heartbeat)}, "s3-put")
	}
	add(Line{Part: part, What: "S3 GET by handlers", Quantity: changes*4 + looks*8 + minutes*2, Why: "4 a change; logs and checkpoints at each look; sweep two each minute"}, "s3-get")
	add(Line{Part: part, What: "S3 PUT and LIST", Quantity: changes*4 + looks*2 + in.Tasks*turnover*days*2, Why: "the change, its report, its status, a share of full states; a list each look; instances that change, alone"}, "s3-put")
	add(Line{Part: part, What: "S3 storage", Quantity: (in.Services*40 + changes*20) * kilobyte, Why: "full states of 10 KB a service, a few of them; 20 KB a change of the last weeks: assumed"}, "s3-gb")
}

func messages(in Inputs, add func(Line, string)) {
	const part = "messages"
	changes, looks := in.ChangesPerDay*days, minutes/lookEvery
	tasks := in.Tasks * turnover * days * eventsOfTask
	add(Line{Part: part, What: "SQS FIFO", Quantity: 2*lambdaPolls + 3*2*(changes+looks), Why: "Lambda asks two empty queues 15 times a minute each; a message is sent, received, deleted"}, "sqs-fifo")
	add(Line{Part: part, What: "SQS", Quantity: lambdaPolls + 3*tasks, Why: "the same for the queue of task events"}, "sqs-standard")
	add(Line{Part: part, What: "EventBridge", Quantity: busEvents(in), Why: "3 a change, 2 a task that is replaced, and Proxy Connected for each stream, which lives 35 minutes"}, "event")
}

func watching(in Inputs, add func(Line, string)) {
	const part = "watching"
	add(Line{Part: part, What: "alarms", Quantity: alarms + scalingAlarms, Why: fmt.Sprintf("%d of the stack, %d of the relays' scaling", alarms, scalingAlarms)}, "alarm")
	add(Line{Part: part, What: "metrics", Quantity: metrics, Why: "streams, how far relays are behind, refusals"}, "metric")
	add(Line{Part: part, What: "dashboard", Quantity: 1, Why: "one; an account's first three are free"}, "dashboard")
	calls := (in.APIRequests+4*in.ChangesPerDay)*days + tokens(in) + minutes/lookEvery*2 + minutes
	add(Line{Part: part, What: "logs", Quantity: (calls*0.7 + in.Relays*minutes*0.3 + busEvents(in)*0.8) * kilobyte, Why: "0.7 KB a call of a Lambda, 0.3 KB a minute and relay, 0.8 KB an event of our own, which are kept: assumed"}, "log-gb")
}

// tokens are those that sidecars ask for a month.
func tokens(in Inputs) float64 { return in.Tasks * tokensPerHour * hours }

// busEvents are the events of our own a month.
func busEvents(in Inputs) float64 {
	return 3*in.ChangesPerDay*days + in.Tasks*turnover*days*2 + proxyEvents(in)
}

// proxyEvents are the events that relays send a month.
func proxyEvents(in Inputs) float64 { return in.Tasks * streamsPerHour * hours }
