package envoy

import (
	"net/http"
	"strconv"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// failing is an application that fails the first so many requests of each customer (header customer), in the way that
// the request asks for: with a status (header fail), by closing the connection (fail: close), or by not answering
// (fail: hang). It counts the requests that reach it.
type failing struct {
	requests atomic.Int64
	left     chan map[string]int // customers' failures so far; a lock
}

func newFailing() *failing {
	f := &failing{left: make(chan map[string]int, 1)}
	f.left <- map[string]int{}
	return f
}

// fails says whether this request must fail.
func (f *failing) fails(customer, times string) bool {
	f.requests.Add(1)
	first, err := strconv.Atoi(times)
	if err != nil {
		first = 1
	}
	seen := <-f.left
	defer func() { f.left <- seen }()
	seen[customer]++
	return seen[customer] <= first
}

func (f *failing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !f.fails(r.Header.Get("customer"), r.Header.Get("times")) {
		answering("a")(w, r)
		return
	}
	switch fail := r.Header.Get("fail"); fail {
	case "close":
		panic(http.ErrAbortHandler)
	case "hang":
		<-r.Context().Done()
	default:
		code, err := strconv.Atoi(fail)
		if err != nil {
			panic(err)
		}
		w.WriteHeader(code)
	}
}

// grpc is the same for gRPC: metadata fail is the status, and the first request of each customer gets it.
func (f *failing) grpc(stream grpc.ServerStream) error {
	md, _ := metadata.FromIncomingContext(stream.Context())
	if !f.fails(md.Get("customer")[0], "1") {
		return stream.SendMsg(wrapperspb.String("a"))
	}
	code, err := strconv.Atoi(md.Get("fail")[0])
	if err != nil {
		return err
	}
	return status.Error(codes.Code(code), "as asked")
}

const perTry = "perRetryTimeout: {unit: s, value: 5}"

// Retry policies hide the failures that they name, and no others; without a policy App Mesh's default one hides 503 and
// connections that break.
func TestRetries(t *testing.T) {
	m := start(t, shop("http"))
	app := newFailing()
	m.sidecar("virtualNode/a", at("application/8080", serve(t, app)))
	ui := m.sidecar("virtualNode/ui")
	m.ready()
	c := ui.calls()
	customer := 0
	for _, one := range []struct {
		policy, fail, times string
		requests            int64  // that reach the application
		reaches             string // what the customer sees
	}{
		{"", "503", "1", 2, "a"},
		{"", "503", "2", 3, "a"},
		{"", "503", "3", 3, "503"},
		{"", "close", "1", 2, "a"},
		{"", "500", "1", 1, "500"},
		{"", "502", "1", 1, "502"},
		{"{maxRetries: 3, " + perTry + ", httpRetryEvents: [server-error]}", "500", "3", 4, "a"},
		{"{maxRetries: 3, " + perTry + ", httpRetryEvents: [server-error]}", "503", "4", 4, "503"},
		{"{maxRetries: 3, " + perTry + ", httpRetryEvents: [server-error]}", "close", "1", 2, "a"},
		{"{maxRetries: 3, " + perTry + ", httpRetryEvents: [server-error]}", "409", "1", 1, "409"},
		{"{maxRetries: 1, " + perTry + ", httpRetryEvents: [gateway-error]}", "502", "1", 2, "a"},
		{"{maxRetries: 1, " + perTry + ", httpRetryEvents: [gateway-error]}", "500", "1", 1, "500"},
		{"{maxRetries: 1, " + perTry + ", httpRetryEvents: [client-error]}", "409", "1", 2, "a"},
		{"{maxRetries: 1, " + perTry + ", httpRetryEvents: [client-error]}", "503", "1", 1, "503"},
		{"{maxRetries: 1, " + perTry + ", tcpRetryEvents: [connection-error]}", "503", "1", 1, "503"},
		{"{maxRetries: 0, " + perTry + ", httpRetryEvents: [server-error]}", "503", "1", 1, "503"},
		{"{maxRetries: 2, perRetryTimeout: {unit: s, value: 1}, httpRetryEvents: [server-error]}", "hang", "1", 2, "a"},
	} {
		policy := ""
		if one.policy != "" {
			policy = ", retryPolicy: " + one.policy
		}
		m.apply(route("all", "httpRoute: {match: {prefix: /}, "+to("a")+policy+"}"))
		customer++
		before := app.requests.Load()
		got := c.get(cart+"/", "fail: "+one.fail, "times: "+one.times, "customer: "+strconv.Itoa(customer))
		if n := app.requests.Load() - before; got.where(nil) != one.reaches || n != one.requests {
			t.Errorf("policy %q, %s failures by %s: the customer sees %s after %d requests, want %s after %d",
				one.policy, one.times, one.fail, got.where(nil), n, one.reaches, one.requests)
		}
	}
}

// An instance that can't be connected to is hidden by the others, and a retry goes to one that was not tried yet.
func TestRetriesGoElsewhere(t *testing.T) {
	m := start(t, shop("http")+route("all", "httpRoute: {match: {prefix: /}, "+to("a")+"}"))
	broken := m.sidecar("virtualNode/a", at("application/8080", serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
	}))))
	m.sidecar("virtualNode/a", at("application/8080", echo(t, "a")))
	ui := m.sidecar("virtualNode/ui")
	m.ready()
	for range 20 {
		ui.calls().reaches("a", http.MethodGet, cart+"/")
	}
	broken.kill()
	for range 20 {
		ui.calls().reaches("a", http.MethodGet, cart+"/")
	}
	if n := ui.stat("cluster." + clusterA + ".upstream_rq_retry_success"); n == 0 {
		t.Error("no retry succeeded, so the broken instance was never asked")
	}
}

// gRPC statuses are retried as the policy names them; by default unavailable alone.
func TestGRPCRetries(t *testing.T) {
	m := start(t, shop("grpc"))
	f := newFailing()
	m.sidecar("virtualNode/a", at("application/8080", grpcServer(t, f.grpc)))
	ui := m.sidecar("virtualNode/ui")
	m.ready()
	c := ui.callsGRPC("cart.shop.local:8080")
	customer := 0
	try := func(policy string, fail codes.Code, want string) {
		t.Helper()
		if policy != "" {
			policy = ", retryPolicy: {maxRetries: 1, " + perTry + ", grpcRetryEvents: [" + policy + "]}"
		}
		m.apply(route("all", "grpcRoute: {match: {}, "+to("a")+policy+"}"))
		customer++
		if got := c.call("/shop.Cart/Add", "fail: "+strconv.Itoa(int(fail)), "customer: "+strconv.Itoa(customer)); got != want {
			t.Errorf("policy %q: %s is seen as %s, want %s", policy, fail, got, want)
		}
	}
	try("", codes.Unavailable, "a")
	try("", codes.Internal, "Internal")
	for event, code := range map[string]codes.Code{
		"cancelled": codes.Canceled, "deadline-exceeded": codes.DeadlineExceeded, "internal": codes.Internal,
		"resource-exhausted": codes.ResourceExhausted, "unavailable": codes.Unavailable,
	} {
		try(event, code, "a")
		try(event, codes.DataLoss, "DataLoss")
	}
}
