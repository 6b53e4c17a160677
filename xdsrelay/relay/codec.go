package relay

import (
	"strconv"

	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
)

// response is a DeltaDiscoveryResponse. It shares its bytes with all streams, but for the last.
type response struct {
	head  mem.Buffer // what comes before the resources
	parts []part     // those with an entry are resources
	tail  []byte     // what comes behind them: names that were removed, and the nonce
	size  int        // bytes

	// Room for a response of one resource, the commonest, in the same allocation.
	few  [4]mem.Buffer
	room [24]byte // a nonce takes 22 at most
	last mem.SliceBuffer
}

// newResponse begins a response that has room for n parts.
func newResponse(head mem.Buffer, n int) *response {
	return &response{head: head, size: head.Len(), parts: make([]part, 0, n)}
}

func (r *response) add(p part) {
	r.parts = append(r.parts, p)
	if p.entry != nil {
		r.size += p.entry.size()
	}
}

// finish puts names that were removed, and the nonce, behind the resources.
func (r *response) finish(nonce uint64) {
	r.tail = r.room[:0]
	for _, p := range r.parts {
		if p.entry == nil {
			r.tail = appendField(r.tail, responseRemoved, p.name)
		}
	}
	r.tail = protowire.AppendTag(r.tail, responseNonce, protowire.BytesType)
	var digits [20]byte
	r.tail = protowire.AppendBytes(r.tail, strconv.AppendUint(digits[:0], nonce, 10))
	r.size += len(r.tail)
}

// shared gives the response in the buffers that all streams share.
func (r *response) shared() mem.BufferSlice {
	buffers := r.few[:0]
	if n := 2 + 2*len(r.parts); n > len(r.few) {
		buffers = make([]mem.Buffer, 0, n)
	}
	buffers = append(buffers, r.head)
	for _, p := range r.parts {
		if p.entry != nil {
			buffers = append(buffers, p.entry.head, p.entry.body)
		}
	}
	r.last = r.tail
	return append(buffers, &r.last)
}

// joined gives the response in one buffer of its own, which gRPC gives back when it is written.
func (r *response) joined() mem.BufferSlice {
	pool := mem.DefaultBufferPool()
	buffer := pool.Get(r.size)
	to := append((*buffer)[:0], r.head.ReadOnlyData()...)
	for _, p := range r.parts {
		if p.entry != nil {
			to = append(to, p.entry.head.ReadOnlyData()...)
			to = append(to, p.entry.body.ReadOnlyData()...)
		}
	}
	*buffer = append(to, r.tail...)
	return mem.BufferSlice{mem.NewBuffer(buffer, pool)}
}

// A response of many small buffers costs gRPC more than the bytes are worth: it keeps a list of them, and writes them one
// by one. So one of at least joinFrom parts is joined, unless it is large: then it would be a copy for each Envoy that
// is slow to read it.
const (
	joinFrom = 4
	joinTo   = 32 << 10 // bytes; gRPC's pool has buffers of this size, and then of 1 MiB
)

// codec sends a *response, and leaves every other message to protobuf.
type codec struct{ encoding.CodecV2 }

func newCodec() codec { return codec{encoding.GetCodecV2(proto.Name)} }

// Marshal gives a response's buffers. gRPC frees them when they are written, which does nothing to shared bytes: they are
// slices, not pooled.
func (c codec) Marshal(v any) (mem.BufferSlice, error) {
	r, ok := v.(*response)
	switch {
	case !ok:
		return c.CodecV2.Marshal(v)
	case len(r.parts) >= joinFrom && r.size <= joinTo:
		return r.joined(), nil
	default:
		return r.shared(), nil
	}
}
