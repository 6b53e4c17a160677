package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// application starts UI -> Order -> Inventory without any Envoy between them, and returns the UI's address.
func application(t *testing.T, failEvery string) string {
	t.Helper()
	stock, err := inventory("v2", failEvery)
	if err != nil {
		t.Fatal(err)
	}
	serve := func(h http.Handler) string {
		s := httptest.NewServer(h)
		t.Cleanup(s.Close)
		return s.URL
	}
	return serve(ui("v1", serve(order("v1", serve(stock)))))
}

func get(t *testing.T, url string, header map[string]string) (int, Answer) {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range header {
		r.Header.Set(k, v)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var a Answer
	if err := json.NewDecoder(resp.Body).Decode(&a); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, a
}

func TestAnswerShowsEveryHopAndPassesHeadersOn(t *testing.T) {
	url := application(t, "")
	status, got := get(t, url+"/v2/orders/7?x=1", map[string]string{"x-canary": "yes", "x-request-id": "r1"})
	want := Answer{
		Order: "7", Stock: 12, Canary: "yes", RequestID: "r1",
		Hops: []Hop{{"ui", "v1"}, {"order", "v1"}, {"inventory", "v2"}},
	}
	if d := cmp.Diff(want, got); status != http.StatusOK || d != "" {
		t.Errorf("status %d, answer (-want +got):\n%s", status, d)
	}
}

// Without these an Envoy can't join what comes in to what goes out.
func TestHeadersThatTieTracesTogetherArePassedOn(t *testing.T) {
	var seen http.Header
	next := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = r.Header
		reply(w, http.StatusOK, Answer{})
	}))
	defer next.Close()
	sent := map[string]string{
		"traceparent": "00-1-2-01", "tracestate": "a=b", "x-amzn-trace-id": "Root=1", "x-b3-traceid": "1", "x-b3-spanid": "2",
		"x-b3-parentspanid": "3", "x-b3-sampled": "1", "x-b3-flags": "1", "x-datadog-trace-id": "1", "x-datadog-parent-id": "2",
		"x-datadog-sampling-priority": "1", "x-datadog-origin": "o", "x-datadog-tags": "t",
	}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	for k, v := range sent {
		r.Header.Set(k, v)
	}
	r.Header.Set("authorization", "secret")
	order("v1", next.URL).ServeHTTP(httptest.NewRecorder(), r)
	for k, v := range sent {
		if got := seen.Get(k); got != v {
			t.Errorf("%s came as %q, want %q", k, got, v)
		}
	}
	if got := seen.Get("authorization"); got != "" {
		t.Errorf("a header that is none of the next service's came as %q", got)
	}
}

func TestFailuresOfInventoryReachTheCustomer(t *testing.T) {
	url := application(t, "2")
	for i, want := range []int{200, 500, 200, 500} {
		status, a := get(t, url+"/orders/1", nil)
		if status != want || (want == 500) != (a.Error != "") || len(a.Hops) != 3 {
			t.Errorf("request %d: status %d, want %d; answer %+v", i, status, want, a)
		}
	}
}

func TestInventoryCountsWhatItSawAndFailed(t *testing.T) {
	h, err := inventory("v1", "3")
	if err != nil {
		t.Fatal(err)
	}
	for range 7 {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/orders/1", nil))
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/counts", nil))
	var got Counts
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || got != (Counts{Requests: 7, Failed: 2}) {
		t.Errorf("counts = %+v, %v; want 7 requests, 2 failed", got, err)
	}
}

func TestUnusableConfiguration(t *testing.T) {
	for _, bad := range []string{"often", "-1"} {
		if _, err := inventory("v1", bad); err == nil {
			t.Errorf("FAIL_EVERY=%s was accepted", bad)
		}
	}
	for _, args := range [][]string{nil, {"payment"}, {"ui", "order"}} {
		if err := run(t.Context(), args); err == nil {
			t.Errorf("arguments %q were accepted", args)
		}
	}
}

func TestAnswerOfANextServiceThatIsGone(t *testing.T) {
	gone := httptest.NewServer(nil)
	gone.Close()
	front := httptest.NewServer(ui("v1", gone.URL))
	defer front.Close()
	status, a := get(t, front.URL+"/orders/1", nil)
	if status != http.StatusBadGateway || a.Error == "" || len(a.Hops) != 1 {
		t.Errorf("status %d, answer %+v; want 502, an error, and one hop", status, a)
	}
}

func TestAnswerThatIsNotAService(t *testing.T) {
	envoy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "no healthy upstream", http.StatusServiceUnavailable)
	}))
	defer envoy.Close()
	front := httptest.NewServer(order("v1", envoy.URL))
	defer front.Close()
	status, a := get(t, front.URL+"/orders/1", nil)
	if status != http.StatusServiceUnavailable || a.Error == "" {
		t.Errorf("status %d, answer %+v; want 503 with what the Envoy said", status, a)
	}
}
