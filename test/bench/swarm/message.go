package swarm

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// Field numbers of envoy.service.discovery.v3: DeltaDiscoveryRequest, DeltaDiscoveryResponse, Resource; and of
// google.protobuf.Any.
const (
	requestNode      = 1
	requestType      = 2
	requestSubscribe = 3
	requestNonce     = 6
	responseResource = 2
	responseType     = 4
	responseNonce    = 5
	resourceAny      = 2
	anyValue         = 2
)

// Response is a response as it came. It is valid only until the next one comes.
type Response struct {
	Type  string
	nonce []byte
	raw   []byte
}

// parse finds what a response must be answered with.
func parse(raw []byte) (Response, error) {
	r := Response{raw: raw}
	err := each(raw, func(field protowire.Number, value []byte) {
		switch field {
		case responseType:
			r.Type = string(value)
		case responseNonce:
			r.nonce = value
		}
	})
	if err == nil && r.Type == "" {
		err = fmt.Errorf("a response of %d bytes has no type", len(raw))
	}
	return r, err
}

// Bodies are the resources in a response: the values of their Any.
func (r Response) Bodies() ([][]byte, error) {
	var bodies [][]byte
	var inner error
	note := func(err error) {
		if inner == nil {
			inner = err
		}
	}
	err := each(r.raw, func(field protowire.Number, resource []byte) {
		if field != responseResource {
			return
		}
		note(each(resource, func(field protowire.Number, wrapped []byte) {
			if field != resourceAny {
				return
			}
			note(each(wrapped, func(field protowire.Number, value []byte) {
				if field == anyValue {
					bodies = append(bodies, value)
				}
			}))
		}))
	})
	note(err)
	return bodies, inner
}

// each calls found with the fields of a message that are bytes.
func each(message []byte, found func(protowire.Number, []byte)) error {
	for len(message) > 0 {
		field, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return fmt.Errorf("read a message: %w", protowire.ParseError(n))
		}
		message = message[n:]
		if kind != protowire.BytesType {
			if n = protowire.ConsumeFieldValue(field, kind, message); n < 0 {
				return fmt.Errorf("read a message: %w", protowire.ParseError(n))
			}
			message = message[n:]
			continue
		}
		value, n := protowire.ConsumeBytes(message)
		if n < 0 {
			return fmt.Errorf("read a message: %w", protowire.ParseError(n))
		}
		found(field, value)
		message = message[n:]
	}
	return nil
}

// room is where a message's prefix will be written.
var room [prefix]byte

// ack spells the request that acknowledges a response, behind room for the prefix.
func (r Response) ack(to []byte) []byte {
	to = append(to, room[:]...)
	to = text(to, requestType, r.Type)
	to = protowire.AppendTag(to, requestNonce, protowire.BytesType)
	return protowire.AppendBytes(to, r.nonce)
}

// subscribe spells the request for a kind, behind room for the prefix. Without a node it is not the stream's first.
func subscribe(to, node []byte, kind string, names []string) []byte {
	to = append(to, room[:]...)
	if node != nil {
		to = protowire.AppendTag(to, requestNode, protowire.BytesType)
		to = protowire.AppendBytes(to, node)
	}
	to = text(to, requestType, kind)
	for _, name := range names {
		to = text(to, requestSubscribe, name)
	}
	return to
}

func text(to []byte, field protowire.Number, value string) []byte {
	to = protowire.AppendTag(to, field, protowire.BytesType)
	return protowire.AppendString(to, value)
}
