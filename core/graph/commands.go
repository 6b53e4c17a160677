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

// commands are the operators of access log formats that Envoy 1.40 knows, but for those whose argument is a program of
// its own (CEL). A test asks the real Envoy about each.
var commands = func() map[string]rule {
	m := map[string]rule{
		"REQ": {argument: always, length: true, check: isHeaderArgument}, "RESP": {argument: always, length: true, check: isHeaderArgument},
		"REQUEST_HEADER": {argument: always, length: true, check: isHeaderArgument}, "RESPONSE_HEADER": {argument: always, length: true, check: isHeaderArgument},
		"RESPONSE_TRAILER": {argument: always, length: true, check: isHeaderArgument}, "QUERY_PARAM": {argument: always, length: true},
		"TRAILER":          {argument: always, length: true, check: isHeaderArgument},
		"START_TIME":       {argument: maybe, check: isTimeFormat},
		"START_TIME_LOCAL": {argument: maybe, check: isTimeFormat}, "EMIT_TIME": {argument: maybe, check: isTimeFormat},
		"EMIT_TIME_LOCAL":              {argument: maybe, check: isTimeFormat},
		"DOWNSTREAM_PEER_CERT_V_START": {argument: maybe, check: isTimeFormat}, "DOWNSTREAM_PEER_CERT_V_END": {argument: maybe, check: isTimeFormat},
		"UPSTREAM_PEER_CERT_V_START": {argument: maybe, check: isTimeFormat}, "UPSTREAM_PEER_CERT_V_END": {argument: maybe, check: isTimeFormat},
		"DYNAMIC_METADATA": {argument: always, length: true}, "CLUSTER_METADATA": {argument: always},
		"UPSTREAM_METADATA": {argument: always}, "FILTER_STATE": {argument: always, length: true, check: isFilterState},
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
	for name := range strings.FieldsSeq(maskCommands) {
		m[name] = rule{argument: maybe, check: isPrefixLength}
	}
	return m
}()

const plainCommands = `
 ACCESS_LOG_TYPE BYTES_RECEIVED BYTES_RETRANSMITTED BYTES_SENT CONNECTION_ID CONNECTION_TERMINATION_DETAILS
 CUSTOM_FLAGS DOWNSTREAM_CX_RTT DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED
 DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_SENT DOWNSTREAM_DETECTED_CLOSE_TYPE DOWNSTREAM_DIRECT_LOCAL_ADDRESS
 DOWNSTREAM_DIRECT_LOCAL_ADDRESS_ENDPOINT_ID DOWNSTREAM_DIRECT_LOCAL_PORT DOWNSTREAM_DIRECT_REMOTE_ADDRESS
 DOWNSTREAM_DIRECT_REMOTE_PORT DOWNSTREAM_HANDSHAKE_DURATION DOWNSTREAM_HEADER_BYTES_RECEIVED
 DOWNSTREAM_HEADER_BYTES_SENT DOWNSTREAM_LOCAL_ADDRESS DOWNSTREAM_LOCAL_ADDRESS_ENDPOINT_ID
 DOWNSTREAM_LOCAL_CLOSE_REASON DOWNSTREAM_LOCAL_DNS_SAN DOWNSTREAM_LOCAL_EMAIL_SAN DOWNSTREAM_LOCAL_IP_SAN
 DOWNSTREAM_LOCAL_OTHERNAME_SAN DOWNSTREAM_LOCAL_PORT DOWNSTREAM_LOCAL_SUBJECT DOWNSTREAM_LOCAL_URI_SAN
 DOWNSTREAM_PEER_CERT DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_1 DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_256
 DOWNSTREAM_PEER_CHAIN_SERIALS DOWNSTREAM_PEER_DNS_SAN DOWNSTREAM_PEER_EMAIL_SAN DOWNSTREAM_PEER_FINGERPRINT_1
 DOWNSTREAM_PEER_FINGERPRINT_256 DOWNSTREAM_PEER_IP_SAN DOWNSTREAM_PEER_ISSUER DOWNSTREAM_PEER_ISSUER_FINGERPRINT_256
 DOWNSTREAM_PEER_ISSUER_SERIAL DOWNSTREAM_PEER_OTHERNAME_SAN DOWNSTREAM_PEER_SERIAL DOWNSTREAM_PEER_SUBJECT
 DOWNSTREAM_PEER_URI_SAN DOWNSTREAM_REMOTE_ADDRESS DOWNSTREAM_REMOTE_PORT DOWNSTREAM_TLS_CIPHER DOWNSTREAM_TLS_GROUP
 DOWNSTREAM_TLS_SESSION_ID DOWNSTREAM_TLS_VERSION DOWNSTREAM_TRANSPORT_FAILURE_REASON DOWNSTREAM_WIRE_BYTES_RECEIVED
 DOWNSTREAM_WIRE_BYTES_SENT DURATION FILTER_CHAIN_NAME GRPC_STATUS_NUMBER HOSTNAME LOCAL_REPLY_BODY PROTOCOL
 REQUESTED_SERVER_NAME REQUEST_DURATION REQUEST_HEADERS_BYTES REQUEST_TX_DURATION RESPONSE_CODE RESPONSE_DURATION
 RESPONSE_FLAGS RESPONSE_FLAGS_LONG RESPONSE_HEADERS_BYTES RESPONSE_TRAILERS_BYTES RESPONSE_TX_DURATION
 ROUNDTRIP_DURATION ROUTE_NAME ROUTE_RESOLUTION_COUNT ROUTE_RESOLUTION_TIME_US SPAN_ID STREAM_ID TLS_JA3_FINGERPRINT
 TLS_JA4_FINGERPRINT TRACE_ID UNIQUE_ID UPSTREAM_CLUSTER UPSTREAM_CLUSTER_RAW UPSTREAM_CONNECTION_ID
 UPSTREAM_CONNECTION_IDS_ATTEMPTED UPSTREAM_CONNECTION_POOL_READY_DURATION UPSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED
 UPSTREAM_DECOMPRESSED_HEADER_BYTES_SENT UPSTREAM_DETECTED_CLOSE_TYPE UPSTREAM_HEADER_BYTES_RECEIVED
 UPSTREAM_HEADER_BYTES_SENT UPSTREAM_HOST UPSTREAM_HOSTS_ATTEMPTED UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT
 UPSTREAM_HOST_NAME UPSTREAM_HOST_NAMES_ATTEMPTED UPSTREAM_HOST_NAMES_ATTEMPTED_WITHOUT_PORT
 UPSTREAM_HOST_NAME_WITHOUT_PORT UPSTREAM_LOCAL_ADDRESS UPSTREAM_LOCAL_CLOSE_REASON UPSTREAM_LOCAL_DNS_SAN
 UPSTREAM_LOCAL_IP_SAN UPSTREAM_LOCAL_PORT UPSTREAM_LOCAL_URI_SAN UPSTREAM_PEER_CERT UPSTREAM_PEER_DNS_SAN
 UPSTREAM_PEER_IP_SAN UPSTREAM_PEER_ISSUER UPSTREAM_PEER_SUBJECT UPSTREAM_PEER_URI_SAN UPSTREAM_PROTOCOL
 UPSTREAM_REMOTE_ADDRESS UPSTREAM_REMOTE_ADDRESS_ENDPOINT_ID UPSTREAM_REMOTE_PORT UPSTREAM_REQUEST_ATTEMPT_COUNT
 UPSTREAM_SERVER_NAME UPSTREAM_TLS_CIPHER UPSTREAM_TLS_GROUP UPSTREAM_TLS_SESSION_ID UPSTREAM_TLS_VERSION
 UPSTREAM_TRANSPORT_FAILURE_REASON UPSTREAM_WIRE_BYTES_RECEIVED UPSTREAM_WIRE_BYTES_SENT VIRTUAL_CLUSTER_NAME`

// lengthCommands can be cut.
const lengthCommands = `PATH QUERY_PARAMS`

// maskCommands are addresses without a port, which a prefix length can mask.
const maskCommands = `
 DOWNSTREAM_DIRECT_LOCAL_ADDRESS_WITHOUT_PORT DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT
 DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT
 UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT`

// isHeaderArgument reports whether s names a header, or two: the second is taken where the first is absent.
func isHeaderArgument(s string) bool {
	first, second, two := strings.Cut(s, "?")
	return isToken(first) && (!two || isToken(second))
}

// isPrefixLength reports whether s is the length of an address's prefix.
func isPrefixLength(s string) bool {
	if s == "" {
		return true
	}
	n, err := strconv.Atoi(s)
	return err == nil && n >= 0 && n <= 128
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
