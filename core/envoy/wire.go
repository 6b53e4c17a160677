package envoy

import (
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/ownmesh/ownmesh/core/graph"
)

// Marshal gives a message's bytes: the same message, the same bytes, in every process.
func Marshal(m proto.Message) []byte {
	body, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		// Only text that isn't UTF-8 can't be marshalled, and decoding a spec replaces that.
		panic("envoy: marshal " + string(m.ProtoReflect().Descriptor().FullName()) + ": " + err.Error())
	}
	return body
}

// packed wraps a message. (anypb.New marshals maps in random order.)
func packed(m proto.Message) *anypb.Any {
	return &anypb.Any{TypeUrl: "type.googleapis.com/" + string(m.ProtoReflect().Descriptor().FullName()), Value: Marshal(m)}
}

// RouteConfiguration assembles a route configuration from virtual hosts that are marshalled already: they are shared
// by many route configurations. Messages are sequences of fields, so theirs are put side by side.
func RouteConfiguration(name string, virtualHosts [][]byte) []byte {
	size := len(name) + 16
	for _, h := range virtualHosts {
		size += len(h) + 8
	}
	body := make([]byte, 0, size)
	body = protowire.AppendTag(body, 1, protowire.BytesType) // name
	body = protowire.AppendString(body, name)
	for _, h := range virtualHosts {
		body = protowire.AppendTag(body, 2, protowire.BytesType) // virtual_hosts
		body = protowire.AppendBytes(body, h)
	}
	return body
}

func number(n uint32) *wrapperspb.UInt32Value { return wrapperspb.UInt32(n) }

func yes() *wrapperspb.BoolValue { return wrapperspb.Bool(true) }

// span is a duration of milliseconds.
func span(millis int64) *durationpb.Duration {
	return &durationpb.Duration{Seconds: millis / 1000, Nanos: int32(millis % 1000 * 1_000_000)}
}

// spanOf is nil for an unset duration.
func spanOf(d graph.Duration) *durationpb.Duration {
	if !d.Set {
		return nil
	}
	return span(d.Millis)
}
