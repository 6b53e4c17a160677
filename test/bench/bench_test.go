package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ownmesh/ownmesh/test/bench/servers"
)

func TestMain(m *testing.M) {
	servers.Main() // the servers are this program, too
	os.Exit(m.Run())
}

// TestQuick: the program itself, so that it doesn't rot. What it counts does not depend on the machine, so those bars
// hold here too.
func TestQuick(t *testing.T) {
	file := filepath.Join(t.TempDir(), "bench.json")
	var out, progress bytes.Buffer
	missed, err := run(t.Context(), []string{"--quick", "--only", "compile,log", "--json", file}, &out, &progress)
	if err != nil || missed {
		t.Fatalf("missed %v, err %v:\n%s", missed, err, &out)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var got report
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	gated := 0
	for _, x := range got.Results {
		if x.Gated {
			gated++
		}
		if !strings.Contains(out.String(), x.What) {
			t.Errorf("the table lacks %q:\n%s", x.What, &out)
		}
	}
	if gated < 10 || !got.Quick {
		t.Errorf("%d bars were gated, quick %v: want 10 at least, and quick", gated, got.Quick)
	}
	if !strings.Contains(progress.String(), "compile: 100 nodes") {
		t.Errorf("no progress was told:\n%s", &progress)
	}
}

// TestSecure: clients get in by TLS and with tokens, and what that costs is told.
func TestSecure(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	b := &bench{quick: true, say: t.Output()}
	if err := measureSecure(ctx, b); err != nil {
		t.Fatal(err)
	}
	if len(b.report.Results) != 2 || b.report.Results[0].Value <= 0 {
		t.Errorf("it told %+v", b.report.Results)
	}
}

// TestServers: every server gives all clients the same bytes, and every change to those whom it concerns.
func TestServers(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	b := &bench{say: t.Output()}
	f := fleet{streams: 5, connects: 2, changes: 2, slow: 1, batches: 1}
	all, err := b.compare(ctx, f)
	if err != nil {
		t.Fatal(err)
	}
	floor := all[servers.Floor].received
	if floor < 30<<10 || floor > 50<<10 {
		t.Errorf("a client of the floor gets %.0f bytes, want some 40 KB", floor)
	}
	for kind, c := range all {
		rounds := f.changes
		if kind == servers.Snapshot {
			rounds = f.slow
		}
		if len(c.connectCPU) != f.connects || len(c.fanOutCPU) != rounds || len(c.oneCPU) != f.batches || len(c.one) != batch*f.batches {
			t.Errorf("%s: %d connects, %d changes, %d batches of %d: some are missing", kind, len(c.connectCPU), len(c.fanOutCPU), len(c.oneCPU), len(c.one))
		}
		// SnapshotCache's versions are longer.
		if c.received < 0.95*floor || c.received > 1.15*floor {
			t.Errorf("a client of %s gets %.0f bytes, of the floor %.0f: they are not compared fairly", kind, c.received, floor)
		}
		if median(c.connectCPU) <= 0 || median(c.fanOutCPU) <= 0 || median(c.fanOut.p50) <= 0 {
			t.Errorf("%s: something took no time: connecting %v, a change %v, until half have it %v", kind, c.connectCPU, c.fanOutCPU, c.fanOut.p50)
		}
	}
	b.relayResults(f, all, all[servers.Relay])
	if len(b.report.Results) != 6 {
		t.Errorf("%d results, want 6: %+v", len(b.report.Results), b.report.Results)
	}
}

func TestLocal(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	b := &bench{quick: true, say: t.Output()}
	if err := measureLocal(ctx, b); err != nil {
		t.Fatal(err)
	}
	for _, x := range b.report.Results {
		if x.Value <= 0 {
			t.Errorf("%s took %v ms", x.What, x.Value)
		}
	}
}

func TestWrongArguments(t *testing.T) {
	for _, args := range [][]string{{"--only", "speed"}, {"--only", "log,"}, {"compile"}, {"--slow"}} {
		if _, err := run(t.Context(), args, &bytes.Buffer{}, &bytes.Buffer{}); err == nil {
			t.Errorf("%q is taken", args)
		}
	}
}
