package graph

import (
	"slices"
	"strconv"
	"strings"
)

// demand says whether a command takes an argument.
type demand int

const (
	never demand = iota
	maybe
	always
)

// rule is what Envoy's parser demands of a command.
type rule struct {
	argument demand
	length   bool              // %NAME:10% cuts the value
	check    func(string) bool // of the argument; nil: anything goes
}

// commands are the operators of access log formats that Envoy 1.40 knows, as far as a log in a file has use for them.
// A test asks the real Envoy about each.
var commands = func() map[string]rule {
	m := map[string]rule{
		"REQ": {argument: always, length: true, check: isHeaderArgument}, "RESP": {argument: always, length: true, check: isHeaderArgument},
		"TRAILER":          {argument: always, length: true, check: isHeaderArgument},
		"START_TIME":       {argument: maybe, check: isTimeFormat},
		"START_TIME_LOCAL": {argument: maybe, check: isTimeFormat}, "EMIT_TIME": {argument: maybe, check: isTimeFormat},
		"EMIT_TIME_LOCAL":              {argument: maybe, check: isTimeFormat},
		"DOWNSTREAM_PEER_CERT_V_START": {argument: maybe, check: isTimeFormat}, "DOWNSTREAM_PEER_CERT_V_END": {argument: maybe, check: isTimeFormat},
		"UPSTREAM_PEER_CERT_V_START": {argument: maybe, check: isTimeFormat}, "UPSTREAM_PEER_CERT_V_END": {argument: maybe, check: isTimeFormat},
		"DYNAMIC_METADATA": {argument: always, length: true}, "CLUSTER_METADATA": {argument: always, length: true},
		"UPSTREAM_METADATA": {argument: always, length: true}, "FILTER_STATE": {argument: always, length: true, check: isFilterState},
		"UPSTREAM_FILTER_STATE": {argument: always, length: true, check: isFilterState},
		"ENVIRONMENT":           {argument: always, length: true},
		"GRPC_STATUS":           {argument: maybe, check: func(s string) bool { return slices.Contains([]string{"", "CAMEL_STRING", "SNAKE_STRING", "NUMBER"}, s) }},
		"RESPONSE_CODE_DETAILS": {argument: maybe, check: func(s string) bool { return s == "" || s == "ALLOW_WHITESPACES" }},
	}
	for name := range strings.FieldsSeq(plainCommands) {
		m[name] = rule{argument: never}
	}
	for name := range strings.FieldsSeq(lengthCommands) {
		m[name] = rule{argument: never, length: true}
	}
	return m
}()

const plainCommands = `BYTES_RECEIVED BYTES_SENT CONNECTION_ID
 CONNECTION_TERMINATION_DETAILS DOWNSTREAM_DIRECT_LOCAL_ADDRESS DOWNSTREAM_DIRECT_LOCAL_ADDRESS_WITHOUT_PORT DOWNSTREAM_DIRECT_LOCAL_PORT
 DOWNSTREAM_DIRECT_REMOTE_ADDRESS DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT DOWNSTREAM_DIRECT_REMOTE_PORT
 DOWNSTREAM_HEADER_BYTES_RECEIVED DOWNSTREAM_HEADER_BYTES_SENT DOWNSTREAM_LOCAL_ADDRESS DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT
 DOWNSTREAM_LOCAL_PORT DOWNSTREAM_LOCAL_SUBJECT DOWNSTREAM_LOCAL_URI_SAN DOWNSTREAM_PEER_CERT DOWNSTREAM_PEER_FINGERPRINT_1
 DOWNSTREAM_PEER_FINGERPRINT_256 DOWNSTREAM_PEER_ISSUER DOWNSTREAM_PEER_SERIAL DOWNSTREAM_PEER_SUBJECT DOWNSTREAM_PEER_URI_SAN
 DOWNSTREAM_REMOTE_ADDRESS DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT DOWNSTREAM_REMOTE_PORT DOWNSTREAM_TLS_CIPHER DOWNSTREAM_TLS_SESSION_ID
 DOWNSTREAM_TLS_VERSION DOWNSTREAM_TRANSPORT_FAILURE_REASON DOWNSTREAM_WIRE_BYTES_RECEIVED DOWNSTREAM_WIRE_BYTES_SENT DURATION
 FILTER_CHAIN_NAME GRPC_STATUS_NUMBER HOSTNAME PROTOCOL REQUESTED_SERVER_NAME REQUEST_DURATION REQUEST_HEADERS_BYTES
 REQUEST_TX_DURATION RESPONSE_CODE RESPONSE_DURATION RESPONSE_FLAGS RESPONSE_FLAGS_LONG RESPONSE_HEADERS_BYTES RESPONSE_TRAILERS_BYTES
 RESPONSE_TX_DURATION ROUNDTRIP_DURATION ROUTE_NAME STREAM_ID UNIQUE_ID UPSTREAM_CLUSTER UPSTREAM_CLUSTER_RAW UPSTREAM_CONNECTION_ID UPSTREAM_HEADER_BYTES_RECEIVED
 UPSTREAM_HEADER_BYTES_SENT UPSTREAM_HOST UPSTREAM_HOST_NAME UPSTREAM_HOST_NAME_WITHOUT_PORT UPSTREAM_LOCAL_ADDRESS
 UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT UPSTREAM_LOCAL_PORT UPSTREAM_LOCAL_SUBJECT UPSTREAM_LOCAL_URI_SAN UPSTREAM_PEER_CERT
 UPSTREAM_PEER_ISSUER UPSTREAM_PEER_SUBJECT UPSTREAM_PEER_URI_SAN UPSTREAM_PROTOCOL UPSTREAM_REMOTE_ADDRESS
 UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT UPSTREAM_REMOTE_PORT UPSTREAM_REQUEST_ATTEMPT_COUNT UPSTREAM_TLS_CIPHER UPSTREAM_TLS_SESSION_ID
 UPSTREAM_TLS_VERSION UPSTREAM_WIRE_BYTES_RECEIVED UPSTREAM_WIRE_BYTES_SENT VIRTUAL_CLUSTER_NAME ACCESS_LOG_TYPE TRACE_ID`

const lengthCommands = `LOCAL_REPLY_BODY UPSTREAM_TRANSPORT_FAILURE_REASON`

// isHeaderArgument reports whether s names a header, or two: the second is taken where the first is absent.
func isHeaderArgument(s string) bool {
	first, second, two := strings.Cut(s, "?")
	return isToken(first) && (!two || isToken(second))
}

// isFilterState reports whether s is a key of the filter state, with how it is written out.
func isFilterState(s string) bool {
	key, how, _ := strings.Cut(s, ":")
	return key != "" && (how == "" || how == "PLAIN" || how == "TYPED")
}

// isTimeFormat reports whether s is a time's format as Envoy takes it: strftime's commands, and %f with up to nine
// digits for fractions of a second.
func isTimeFormat(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			continue
		}
		i++
		digits := i
		for i < len(s) && s[i] >= '0' && s[i] <= '9' {
			i++
		}
		if i == len(s) {
			return false
		}
		if i > digits {
			if n, err := strconv.Atoi(s[digits:i]); err != nil || n < 1 || n > 9 || s[i] != 'f' {
				return false
			}
		}
		if s[i] < 'A' || s[i] > 'z' {
			return s[i] == '%'
		}
	}
	return true
}
