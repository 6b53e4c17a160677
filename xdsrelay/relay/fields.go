package relay

import "google.golang.org/protobuf/encoding/protowire"

// This file: looking into encoded messages without decoding them.

// eachBytes visits the fields of a message that are texts, bytes or messages.
func eachBytes(message []byte, visit func(protowire.Number, []byte) error) error {
	for len(message) > 0 {
		field, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return protowire.ParseError(n)
		}
		message = message[n:]
		if n = protowire.ConsumeFieldValue(field, kind, message); n < 0 {
			return protowire.ParseError(n)
		}
		if kind == protowire.BytesType {
			value, _ := protowire.ConsumeBytes(message)
			if err := visit(field, value); err != nil {
				return err
			}
		}
		message = message[n:]
	}
	return nil
}

// eachField is eachBytes up to where a message is damaged.
func eachField(message []byte, found func(protowire.Number, []byte)) {
	_ = eachBytes(message, func(number protowire.Number, value []byte) error {
		found(number, value)
		return nil
	})
}
