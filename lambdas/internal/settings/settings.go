// Package settings reads what a Lambda is told by its environment. A mistake is told by the variable's name, all of
// them at once, before anything is done.
//
// It reads no secrets, for there are none: Lambdas act by their role. Start with Read.
package settings

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// The variables.
const (
	Table          = "OWNMESH_TABLE"
	InstancesTable = "OWNMESH_INSTANCES_TABLE"
	Bucket         = "OWNMESH_BUCKET"
	Bus            = "OWNMESH_BUS"
	CompileQueue   = "OWNMESH_COMPILE_QUEUE"
	RegisterQueue  = "OWNMESH_REGISTER_QUEUE"
	PoisonQueue    = "OWNMESH_POISON_QUEUE"
	Account        = "OWNMESH_ACCOUNT"
	TokenKey       = "OWNMESH_TOKEN_KEY"
	Relay          = "OWNMESH_RELAY"
	LogLevel       = "OWNMESH_LOG_LEVEL"
)

// Settings are checked values by variable.
type Settings struct {
	values map[string]string
	Level  slog.Level
}

// Get is the value of a variable; "" if it is not set, which Read accepts for optional ones only.
func (s Settings) Get(variable string) string { return s.values[variable] }

// rule says what a value must be.
type rule struct {
	ok   func(string) bool
	must string
}

func matches(pattern string) func(string) bool { return regexp.MustCompile(pattern).MatchString }

var (
	tableName = rule{matches(`^[a-zA-Z0-9_.-]{3,255}$`), "the name of a DynamoDB table: 3 to 255 letters, digits, _, - and ."}
	fifoURL   = rule{func(v string) bool { return isURL(v) && strings.HasSuffix(v, ".fifo") }, "the URL of a FIFO queue, which ends with .fifo"}
	rules     = map[string]rule{
		Table:          tableName,
		InstancesTable: tableName,
		Bucket:         {matches(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`), "the name of an S3 bucket: 3 to 63 lower-case letters, digits, - and ."},
		Bus:            {matches(`^[a-zA-Z0-9/_.-]{1,256}$`), "the name of an event bus: up to 256 letters, digits, /, _, - and ."},
		CompileQueue:   fifoURL,
		RegisterQueue:  fifoURL,
		PoisonQueue:    {func(v string) bool { return isURL(v) && !strings.HasSuffix(v, ".fifo") }, "the URL of a standard queue, not of a FIFO one"},
		Account:        {matches(`^[0-9]{12}$`), "an account's 12 digits"},
		TokenKey:       {matches(`^arn:[a-z0-9-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$`), "the ARN of a KMS key, arn:aws:kms:REGION:ACCOUNT:key/ID"},
		Relay:          {isHostPort, "host:port, as in relay.ownmesh.local:15010"},
	}
)

func isURL(v string) bool {
	u, err := url.Parse(v)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && len(u.Path) > 1
}

func isHostPort(v string) bool {
	host, port, err := net.SplitHostPort(v)
	n, bad := strconv.Atoi(port)
	return err == nil && bad == nil && host != "" && n > 0 && n < 1<<16
}

// Read reads the log level, the variables that must be set, and those that may be.
func Read(getenv func(string) string, required, optional []string) (Settings, error) {
	s := Settings{values: map[string]string{}}
	var errs []error
	if text := getenv(LogLevel); text != "" {
		if err := s.Level.UnmarshalText([]byte(text)); err != nil || strings.ContainsAny(text, "+-") {
			errs = append(errs, fmt.Errorf("%s must be debug, info, warn or error, got %q", LogLevel, text))
		}
	}
	check := func(variable string, mustBeSet bool) {
		value, r := getenv(variable), rules[variable]
		switch {
		case value == "" && mustBeSet:
			errs = append(errs, fmt.Errorf("%s must be set: %s", variable, r.must))
		case value != "" && !r.ok(value):
			errs = append(errs, fmt.Errorf("%s must be %s, got %q", variable, r.must, value))
		}
		s.values[variable] = value
	}
	for _, v := range required {
		check(v, true)
	}
	for _, v := range optional {
		check(v, false)
	}
	return s, errors.Join(errs...)
}
