package s3_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/ownmesh/ownmesh/adapters/s3"
	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/artifact/artifacttest"
	"github.com/ownmesh/ownmesh/internal/emulator"
)

// refusal is a fault: S3 says this, and does nothing.
func refusal(status int, code string) emulator.Fault {
	return emulator.Answer(status, "application/xml", "<Error><Code>"+code+"</Code><Message>as asked</Message></Error>")
}

// dial gives the objects of a new bucket over a bad connection.
func dial(t *testing.T, w *emulator.Wire) *s3.Objects {
	t.Helper()
	client := awss3.NewFromConfig(w.Config(t), func(o *awss3.Options) { o.UsePathStyle = true })
	bucket := emulator.Name(t)
	if _, err := client.CreateBucket(t.Context(), &awss3.CreateBucketInput{Bucket: &bucket}); err != nil {
		t.Fatal(err)
	}
	return s3.New(client, bucket)
}

// broken is a fault: the answer's content is changed on its way.
func broken(change func([]byte) []byte) emulator.Fault {
	return func(r *http.Request, send func(*http.Request) (*http.Response, error)) (*http.Response, error) {
		response, err := send(r)
		if err != nil {
			return nil, err
		}
		body, err := io.ReadAll(response.Body)
		if err = errors.Join(err, response.Body.Close()); err != nil {
			return nil, err
		}
		response.Body = io.NopCloser(bytes.NewReader(change(body)))
		return response, nil
	}
}

// passing are faults after which the same call is worth another attempt.
var passing = map[string]emulator.Fault{
	"slow down":          refusal(503, "SlowDown"),
	"internal error":     refusal(500, "InternalError"),
	"unavailable":        refusal(503, "ServiceUnavailable"),
	"request timeout":    refusal(400, "RequestTimeout"),
	"writers meet":       refusal(409, "ConditionalRequestConflict"),
	"operation aborted":  refusal(409, "OperationAborted"),
	"never arrived":      emulator.Unsent,
	"throttled by proxy": emulator.Answer(503, "text/plain", "busy"),
}

// TestFaultsAreTriedAgain: each call, each kind of fault, several times in a row: it works in the end.
func TestFaultsAreTriedAgain(t *testing.T) {
	for name, f := range passing {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &emulator.Wire{}
			o := dial(t, w)
			etag, err := "", error(nil)
			for _, step := range []struct {
				method string
				run    func()
			}{
				{"PUT", func() { etag, err = o.Create(t.Context(), "a/b", []byte("one")) }},
				{"GET", func() { _, _, err = o.Get(t.Context(), "a/b") }},
				{"GET", func() { _, _, err = o.GetIfChanged(t.Context(), "a/b", etag) }},
				{"PUT", func() { _, err = o.Replace(t.Context(), "a/b", []byte("two"), etag) }},
				{"GET", func() { _, err = o.List(t.Context(), "a/", "", 10) }},
				{"DELETE", func() { err = o.Delete(t.Context(), "a/b") }},
			} {
				w.Fail(step.method, f, f, f)
				if step.run(); err != nil {
					t.Fatalf("%s: %v", step.method, err)
				}
			}
		})
	}
}

// TestRefusedIsNotMissing: a reader takes "not found" for "nothing new". A refusal and a bucket that is gone are faults,
// told at once, with what to look at.
func TestRefusedIsNotMissing(t *testing.T) {
	t.Parallel()
	w := &emulator.Wire{}
	o := dial(t, w)
	if _, _, err := o.Get(t.Context(), "missing"); !errors.Is(err, artifact.ErrNotFound) {
		t.Errorf("a missing object: %v", err)
	}
	w.Calls("GET")
	for _, c := range []struct {
		f    emulator.Fault
		hint string
	}{
		{refusal(403, "AccessDenied"), "s3:ListBucket"}, {refusal(404, "NoSuchBucket"), "is the bucket there?"},
		{refusal(403, "InvalidAccessKeyId"), "InvalidAccessKeyId"},
	} {
		for _, etag := range []string{"", `"x"`} {
			w.Fail("GET", c.f)
			_, _, err := o.GetIfChanged(t.Context(), "missing", etag)
			if err == nil || errors.Is(err, artifact.ErrNotFound) || !strings.Contains(err.Error(), c.hint) {
				t.Errorf("got %v, want a fault that says %q", err, c.hint)
			}
			if n := w.Calls("GET"); n != 1 {
				t.Errorf("%d calls, want 1", n)
			}
		}
		w.Fail("PUT", c.f)
		if _, err := o.Create(t.Context(), "new", nil); err == nil || errors.Is(err, artifact.ErrExists) {
			t.Errorf("create: got %v, want a fault", err)
		}
		w.Fail("PUT", c.f)
		if _, err := o.Replace(t.Context(), "new", nil, `"x"`); err == nil || errors.Is(err, artifact.ErrChanged) {
			t.Errorf("replace: got %v, want a fault", err)
		}
	}
}

// TestBrokenContent: content that breaks off, or has other bytes than its checksum is of, never comes through.
func TestBrokenContent(t *testing.T) {
	t.Parallel()
	w := &emulator.Wire{}
	o := dial(t, w)
	if _, err := o.Create(t.Context(), "a", []byte("content")); err != nil {
		t.Fatal(err)
	}
	flip := broken(func(b []byte) []byte { b[0] ^= 1; return b })
	for name, f := range map[string]emulator.Fault{"breaks off": emulator.Short, "another byte": flip} {
		w.Fail("GET", f, f)
		if data, _, err := o.Get(t.Context(), "a"); err != nil || string(data) != "content" {
			t.Errorf("%s, twice: %q, %v", name, data, err)
		}
		w.Fail("GET", slices.Repeat([]emulator.Fault{f}, 100)...)
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		if data, _, err := o.Get(ctx, "a"); err == nil {
			t.Errorf("%s, always: %q", name, data)
		}
		cancel()
	}
}

// TestLostAnswers: after an answer was lost, the next attempt finds its own object there. That is told as what it looks
// like; the object is whole, so that who reads it finds the writer's own bytes.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	w := &emulator.Wire{}
	o := dial(t, w)
	w.Fail("PUT", emulator.Lost)
	if _, err := o.Create(t.Context(), "a", []byte("mine")); !errors.Is(err, artifact.ErrExists) {
		t.Errorf("create: %v", err)
	}
	data, etag, err := o.Get(t.Context(), "a")
	if err != nil || string(data) != "mine" {
		t.Fatalf("%q, %v", data, err)
	}
	w.Fail("PUT", emulator.Lost)
	if _, err := o.Replace(t.Context(), "a", []byte("again"), etag); !errors.Is(err, artifact.ErrChanged) {
		t.Errorf("replace: %v", err)
	}
	if data, _, err := o.Get(t.Context(), "a"); err != nil || string(data) != "again" {
		t.Errorf("%q, %v", data, err)
	}
	w.Fail("DELETE", emulator.Lost)
	if err := o.Delete(t.Context(), "a"); err != nil {
		t.Errorf("delete: %v", err)
	}
}

// TestDeadline: the caller's time is not exceeded, and the error says what went on.
func TestDeadline(t *testing.T) {
	t.Parallel()
	w := &emulator.Wire{}
	o := dial(t, w)
	for name, f := range map[string]emulator.Fault{"SlowDown": refusal(503, "SlowDown"), "": emulator.Hung} {
		w.Always(func(string) emulator.Fault { return f })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second) // time enough for a first attempt
		start := time.Now()
		_, _, err := o.Get(ctx, "a")
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), name) || time.Since(start) > 6*time.Second {
			t.Errorf("got %v after %v", err, time.Since(start))
		}
	}
}

// TestLargeObject: a full state of a mesh of some 20,000 nodes, through a broken connection as well.
func TestLargeObject(t *testing.T) {
	t.Parallel()
	w := &emulator.Wire{}
	o := dial(t, w)
	large := make([]byte, 24<<20)
	r := rand.NewChaCha8([32]byte{1})
	_, _ = r.Read(large)
	w.Fail("PUT", refusal(503, "SlowDown"))
	etag, err := o.Create(t.Context(), "full", large)
	if err != nil {
		t.Fatal(err)
	}
	w.Fail("GET", emulator.Short)
	data, got, err := o.Get(t.Context(), "full")
	if err != nil || got != etag || !bytes.Equal(data, large) {
		t.Errorf("%d bytes, etag %s, want %d and %s (%v)", len(data), got, len(large), etag, err)
	}
	if data, _, err := o.GetIfChanged(t.Context(), "full", etag); err != nil || data != nil {
		t.Errorf("unchanged: %d bytes (%v)", len(data), err)
	}
}

// TestRaces: writers meet, and some of them are told 409. One of them wins.
func TestRaces(t *testing.T) {
	t.Parallel()
	w := &emulator.Wire{}
	o := dial(t, w)
	n := 0
	w.Always(func(method string) emulator.Fault {
		if n++; method == "PUT" && n%2 == 0 {
			return passing["writers meet"]
		}
		return nil
	})
	const writers = 10
	won := make(chan string, writers)
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			mine := fmt.Sprint("writer ", i)
			switch _, err := o.Create(t.Context(), "a", []byte(mine)); {
			case err == nil:
				won <- mine
			case !errors.Is(err, artifact.ErrExists):
				t.Errorf("%s: %v", mine, err)
			}
		})
	}
	wg.Wait()
	if len(won) != 1 {
		t.Fatalf("%d winners, want 1", len(won))
	}
	winner := <-won
	if data, _, err := o.Get(t.Context(), "a"); err != nil || string(data) != winner {
		t.Errorf("%q is there, %q won (%v)", data, winner, err)
	}
}

// TestLogs: the logs of a mesh work in a bucket; and where every third write meets another, never arrives, or happens
// without an answer, their writers find out what is theirs, and readers end where they are.
func TestLogs(t *testing.T) {
	t.Run("good connection", func(t *testing.T) {
		t.Parallel()
		artifacttest.RunLog(t, func(t *testing.T) artifact.Objects { return dial(t, &emulator.Wire{}) })
	})
	t.Run("bad connection", func(t *testing.T) {
		t.Parallel()
		artifacttest.RunLog(t, func(t *testing.T) artifact.Objects {
			w := &emulator.Wire{}
			o := dial(t, w)
			bad := []emulator.Fault{emulator.Lost, passing["writers meet"], passing["slow down"], emulator.Lost, emulator.Unsent}
			n := 0
			w.Always(func(method string) emulator.Fault {
				if n++; n%3 != 0 {
					return nil
				}
				if method == http.MethodGet {
					return emulator.Short
				}
				return bad[n/3%len(bad)]
			})
			return o
		})
	})
}
