package settings

import (
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
)

// good is an environment with every variable.
var good = map[string]string{
	Table: "ownmesh-meshes", InstancesTable: "ownmesh-instances", Bucket: "ownmesh-artifacts-1", Bus: "ownmesh",
	CompileQueue:  "https://sqs.eu-west-1.amazonaws.com/123456789012/ownmesh-compile.fifo",
	RegisterQueue: "http://127.0.0.1:4566/000000000000/ownmesh-register.fifo",
	PoisonQueue:   "https://sqs.eu-west-1.amazonaws.com/123456789012/ownmesh-poison",
	Account:       "123456789012", TokenKey: "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
	Relay: "relay.ownmesh.local:15010",
}

func with(variable, value string) func(string) string {
	env := maps.Clone(good)
	env[variable] = value
	return func(v string) string { return env[v] }
}

func TestEveryVariableIsRead(t *testing.T) {
	all := slices.Collect(maps.Keys(rules))
	s, err := Read(with(LogLevel, "warn"), all, nil)
	if err != nil || s.Level != slog.LevelWarn {
		t.Fatalf("level %v, %v", s.Level, err)
	}
	for _, v := range all {
		if s.Get(v) != good[v] || good[v] == "" {
			t.Errorf("%s is %q, want %q", v, s.Get(v), good[v])
		}
	}
}

// TestMistakesNameTheVariable, the value and what would be right.
func TestMistakesNameTheVariable(t *testing.T) {
	for _, c := range [][3]string{
		{Table, "a", "3 to 255"}, {InstancesTable, "a b c", "DynamoDB table"}, {Bucket, "Upper", "S3 bucket"}, {Bus, "a b", "event bus"},
		{CompileQueue, "https://sqs/1/queue", ".fifo"}, {RegisterQueue, "queue.fifo", "URL"}, {PoisonQueue, "https://sqs/1/q.fifo", "standard"},
		{Account, "123", "12 digits"}, {TokenKey, "1234abcd", "arn:aws:kms"}, {Relay, "relay.ownmesh.local", "host:port"}, {Relay, "a:70000", "host:port"}, {Relay, ":1", "host:port"},
		{LogLevel, "loud", "debug, info"}, {LogLevel, "info+2", "debug, info"},
	} {
		variables := []string{c[0]}
		if c[0] == LogLevel { // is always read
			variables = nil
		}
		_, err := Read(with(c[0], c[1]), nil, variables)
		if err == nil || !strings.Contains(err.Error(), c[0]) || !strings.Contains(err.Error(), c[1]) || !strings.Contains(err.Error(), c[2]) {
			t.Errorf("%s=%s: %v, want the variable, the value, and %q", c[0], c[1], err, c[2])
		}
	}
}

func TestAllMistakesAtOnce(t *testing.T) {
	_, err := Read(func(string) string { return "" }, []string{Table, Bucket}, []string{Bus})
	if err == nil || !strings.Contains(err.Error(), Table+" must be set") || !strings.Contains(err.Error(), Bucket+" must be set") || strings.Contains(err.Error(), Bus) {
		t.Errorf("got %v", err)
	}
}
