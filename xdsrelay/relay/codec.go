package relay

import (
	"strconv"

	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
)

// response is an encoded DeltaDiscoveryResponse: buffers that other streams may be sending too, and a nonce of its own.
type response struct {
	buffers mem.BufferSlice
	size    int // bytes

	// Room for a response of one resource, the commonest, in the same allocation.
	few  [4]mem.Buffer
	tail [24]byte // a nonce takes 22 at most
	last mem.SliceBuffer
}

// newResponse begins a response that will hold n resources.
func newResponse(head mem.Buffer, n int) *response {
	r := &response{size: head.Len()}
	r.buffers = r.few[:0]
	if room := 2 + 2*n; room > len(r.few) {
		r.buffers = make(mem.BufferSlice, 0, room)
	}
	r.buffers = append(r.buffers, head)
	return r
}

func (r *response) add(e *entry) {
	r.buffers = append(r.buffers, e.head, e.body)
	r.size += e.size()
}

// finish puts names that were removed, and the nonce, behind the resources.
func (r *response) finish(nonce uint64, removed []string) {
	tail := r.tail[:0]
	for _, name := range removed {
		tail = appendField(tail, responseRemoved, name)
	}
	tail = protowire.AppendTag(tail, responseNonce, protowire.BytesType)
	var digits [20]byte
	tail = protowire.AppendBytes(tail, strconv.AppendUint(digits[:0], nonce, 10))
	r.last = tail
	r.buffers = append(r.buffers, &r.last)
	r.size += len(tail)
}

// A response of many small buffers costs gRPC more than the bytes are worth: it keeps a list of them, and writes them one
// by one. So one with more than joinFrom buffers is joined, unless it is large: then it would be a copy for each Envoy
// that is slow to read it.
const (
	joinFrom = 8
	joinTo   = 32 << 10 // bytes; gRPC's pool has buffers of this size, and then of 1 MiB
)

// codec sends a *response, and leaves every other message to protobuf.
type codec struct{ encoding.CodecV2 }

func newCodec() codec { return codec{encoding.GetCodecV2(proto.Name)} }

// Marshal gives the buffers as they are, or joined. gRPC frees them when they are written, which does nothing to shared
// bytes: they are slices, not pooled.
func (c codec) Marshal(v any) (mem.BufferSlice, error) {
	r, ok := v.(*response)
	if !ok {
		return c.CodecV2.Marshal(v)
	}
	if len(r.buffers) > joinFrom && r.size <= joinTo {
		return mem.BufferSlice{r.buffers.MaterializeToBuffer(mem.DefaultBufferPool())}, nil
	}
	return r.buffers, nil
}
