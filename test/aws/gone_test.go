package aws_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/ownmesh/ownmesh/events"
	"github.com/ownmesh/ownmesh/test/machine"
)

// Parts are taken away, one after the other, and what must go on goes on: docs/design's table of what must hold. It is not
// parallel: the other tests need all parts.
func TestWithoutParts(t *testing.T) {
	m := newShop(t)
	now := "blue" // where front's requests go
	// turns has the API send requests the other way, and waits until they go there.
	turns := func(t *testing.T) {
		t.Helper()
		now = map[string]string{"blue": "green", "green": "blue"}[now]
		m.Apply(route(now))
		m.front.Gets(m.back, "200 "+now)
	}
	serves := func(t *testing.T) {
		t.Helper()
		for range 20 {
			if got := m.front.Calls(m.back); got != "200 "+now {
				t.Fatalf("a request is answered %q, want 200 %s", got, now)
			}
		}
	}
	// starts has a new task of front start, which must get what is published.
	starts := func(t *testing.T) {
		t.Helper()
		n := m.NodeOf(m.User, t, "front", m.back)
		n.Healthy()
		n.Gets(m.back, "200 "+now)
	}

	t.Run("API", func(t *testing.T) {
		back := m.WithoutFunction(t, "api")
		if status, answer := m.Call(t, m.operator, "GET", "/v20190125/meshes/"+m.Mesh, ""); status == http.StatusOK {
			t.Fatalf("the API answers %d %s", status, answer)
		}
		serves(t)
		reconnect(t, m) // with the tokens that sidecars have
		serves(t)
		back()
		turns(t)
	})
	t.Run("compile and dispatch", func(t *testing.T) {
		compile, dispatch := m.WithoutFunction(t, "compile"), m.WithoutFunction(t, "dispatch")
		other := map[string]string{"blue": "green", "green": "blue"}[now]
		m.commit(t, other) // published once they are back
		serves(t)
		starts(t)
		if s, err := m.Status(t.Context(), m.Mesh); err != nil || s.Published >= s.Generation {
			t.Errorf("generation %d of %d is published: %v", s.Published, s.Generation, err)
		}
		dispatch()
		compile()
		m.front.Gets(m.back, "200 "+other)
		now = other
	})
	t.Run("DynamoDB", func(t *testing.T) {
		back := m.WithoutDynamoDB(t)
		serves(t)
		starts(t)
		machine.Eventually(t, "the API to say that it can't read the store", func() string {
			if !slices.ContainsFunc(m.Log(t, "api"), func(line string) bool { return strings.Contains(line, "the store can't be read") }) {
				return "nothing of that"
			}
			return ""
		})
		back()
		turns(t)
	})
	t.Run("EventBridge", func(t *testing.T) {
		back := m.WithoutEventBridge(t)
		turns(t)
		starts(t)
		back()
	})
	t.Run("S3", func(t *testing.T) {
		back := m.WithoutS3(t)
		serves(t)
		starts(t) // its mesh is served: the relays know it
		relay := m.Relays(t)[0]
		relay.Stop()
		relay.Start(t) // with what is on its disk
		m.Front.Lead(relay.Address)
		reconnect(t, m)
		serves(t)
		starts(t)
		m.Front.Lead(relay.Address, m.Relays(t)[1].Address)
		back()
		turns(t)
	})
	t.Run("every relay", func(t *testing.T) {
		for _, r := range m.Relays(t) {
			r.Stop()
		}
		serves(t)
		other := map[string]string{"blue": "green", "green": "blue"}[now]
		m.commit(t, other)
		m.Published()
		serves(t)
		for _, r := range m.Relays(t) {
			r.Start(t)
		}
		m.front.Gets(m.back, "200 "+other)
		now = other
	})
	for _, log := range []events.LogName{events.LogConfig, events.LogEndpoints} {
		t.Run("a damaged object of the log "+string(log), func(t *testing.T) {
			m.damage(t, log)
			serves(t)
			m.Sweep(t)
			turns(t)
			fresh := m.Relay(t) // knows nothing but the log
			fresh.Start(t)
			defer fresh.Stop()
			m.Front.Lead(fresh.Address)
			reconnect(t, m)
			serves(t)
			starts(t)
			m.Front.Lead(m.Relays(t)[0].Address, m.Relays(t)[1].Address)
		})
	}
}

// route is shop's route to blue or green.
func route(to string) string {
	return fmt.Sprintf(`
kind: Route
routeName: all
virtualRouterName: back
spec: {httpRoute: {match: {prefix: /}, action: {weightedTargets: [{virtualNode: %s, weight: 1}]}}}
`, to)
}

// commit changes the route, and doesn't wait until that is published.
func (m *running) commit(t *testing.T, to string) {
	t.Helper()
	_, err := m.Update(t.Context(), m.Ref("virtualRouter/back/route/all"), []byte(`{"httpRoute":{"match":{"prefix":"/"},"action":{"weightedTargets":[{"virtualNode":"`+to+`","weight":1}]}}}`))
	if err != nil {
		t.Fatal(err)
	}
}

// reconnect ends all streams, and waits until front has one again.
func reconnect(t *testing.T, m *running) {
	t.Helper()
	for _, shut := range []bool{true, false} {
		if m.Front.Open(); shut {
			m.Front.Shut()
		}
		machine.Eventually(t, "front's Envoy to lose its relay, and then to reach one", func() string {
			if m.front.Connected() == shut {
				return fmt.Sprintf("connected: %t", shut)
			}
			return ""
		})
	}
}

// damage overwrites the newest objects of a log with what is no object of one.
func (m *running) damage(t *testing.T, log events.LogName) {
	t.Helper()
	s, err := m.Status(t.Context(), m.Mesh)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := objects(m.Installation).List(t.Context(), events.LogPrefix(s.UID, log), "", 1000)
	if err != nil || len(keys) < 2 {
		t.Fatalf("the log has %d objects: %v", len(keys), err)
	}
	for _, key := range keys {
		if key == events.CheckpointPath(s.UID, log) {
			continue
		}
		_, err := bucket(m.Installation).PutObject(t.Context(), &awss3.PutObjectInput{Bucket: aws.String(m.Outputs["Bucket"]), Key: &key, Body: strings.NewReader("damaged")})
		if err != nil {
			t.Fatal(err)
		}
	}
}
