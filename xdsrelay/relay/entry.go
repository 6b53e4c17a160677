package relay

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"

	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
)

// Field numbers of envoy.service.discovery.v3: DeltaDiscoveryResponse, Resource, ControlPlane, and google.protobuf.Any.
const (
	responseSystemVersion = 1
	responseResource      = 2
	responseTypeURL       = 4
	responseNonce         = 5
	responseRemoved       = 6
	responseControlPlane  = 7
	resourceVersion       = 1
	resourceAny           = 2
	resourceName          = 3
	anyTypeURL            = 1
	anyValue              = 2
	controlPlaneID        = 1
)

// entry is one version of one resource as streams send it. It is immutable, and all streams share it.
type entry struct {
	name, hash string
	// needs names the clusters that the resource refers to, sorted.
	needs []string
	// routes names the route configurations that a listener asks for, as often as it does.
	routes []string
	// secure counts the chains of a listener that speak TLS; of a cluster it is 1 if that does.
	secure int
	// permissive is a listener that takes plain text, too, and a cluster that leads to one.
	permissive bool
	// head and body together are a field `resources` of a DeltaDiscoveryResponse. body is the very slice that the log
	// reader holds: the bytes of a resource are in memory once, whatever number of streams it goes to. Both are nil in
	// an entry that only stands for a version which a proxy said it has.
	head, body mem.Buffer
}

func newEntry(k kind, name, hash string, body []byte, needs []string) *entry {
	url := typeURLs[k]
	anySize := fieldSize(anyTypeURL, len(url)) + fieldSize(anyValue, len(body))
	resourceSize := fieldSize(resourceName, len(name)) + fieldSize(resourceVersion, len(hash)) + fieldSize(resourceAny, anySize)

	head := make([]byte, 0, resourceSize-len(body)+16)
	head = protowire.AppendTag(head, responseResource, protowire.BytesType)
	head = protowire.AppendVarint(head, uint64(resourceSize))
	head = appendField(head, resourceVersion, hash)
	head = appendField(head, resourceName, name)
	head = protowire.AppendTag(head, resourceAny, protowire.BytesType)
	head = protowire.AppendVarint(head, uint64(anySize))
	head = appendField(head, anyTypeURL, url)
	head = protowire.AppendTag(head, anyValue, protowire.BytesType)
	head = protowire.AppendVarint(head, uint64(len(body)))
	e := &entry{name: name, hash: hash, needs: needs, head: mem.SliceBuffer(head), body: mem.SliceBuffer(body)}
	if k == listener {
		eachRoute(body, func(name string) { e.routes = append(e.routes, name) })
	}
	e.secure = countSecure(k, body)
	return e
}

// versionOnly stands for what a proxy has and the relay doesn't know.
func versionOnly(name, version string) *entry { return &entry{name: name, hash: version} }

func (e *entry) size() int { return e.head.Len() + e.body.Len() }

// sendable is false of an entry that is only a version.
func (e *entry) sendable() bool { return e.head != nil }

// newHead encodes what all responses of a kind at one generation begin with.
func newHead(k kind, generation int64, relayID string) mem.Buffer {
	head := appendField(nil, responseSystemVersion, strconv.FormatInt(generation, 10))
	head = appendField(head, responseTypeURL, typeURLs[k])
	id := appendField(nil, controlPlaneID, relayID)
	head = protowire.AppendTag(head, responseControlPlane, protowire.BytesType)
	head = protowire.AppendBytes(head, id)
	return mem.SliceBuffer(head)
}

// contentHash is a version for bytes that have none in the log.
func contentHash(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:16])
}

func appendField(b []byte, number protowire.Number, value string) []byte {
	b = protowire.AppendTag(b, number, protowire.BytesType)
	return protowire.AppendString(b, value)
}

func fieldSize(number protowire.Number, length int) int {
	return protowire.SizeTag(number) + protowire.SizeBytes(length)
}
