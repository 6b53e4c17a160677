package dynamodb

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"

	"github.com/ownmesh/ownmesh/core/resource"
)

// namesPartition is where meshes that are not deleted are found by name.
const namesPartition = "names"

// The names of the rows in a mesh's partition.
const (
	rowMesh     = "mesh"
	rowJournal  = "journal"
	rowRef      = "ref"
	rowResource = "resource"
	rowTags     = "tags"
)

// A sort key is a tuple of strings. Each part ends with 0x00 0x01, and a 0x00 in it becomes 0x00 0xFF: so keys compare
// as their parts do one after the other, no two tuples share a key, and a tuple is a prefix of its extensions alone.
const (
	escape   = 0x00
	end      = 0x01
	escaped0 = 0xFF
)

// A sort key takes 1,024 bytes. A part that is longer than its share is cut, and its hash put behind: it still names
// one thing alone, and sorts rightly but among names that begin with the same many bytes.
const (
	longName   = 840 // where a key ends with one name: as its parent is only compared, longParent is enough
	longParent = 128
	longRef    = 440 // where it ends with two names that count in the order
)

// extend appends parts to a key.
func extend(key []byte, parts ...string) []byte {
	for _, p := range parts {
		key = bounded(key, p, 1<<30)
	}
	return key
}

// bounded appends a part that takes at most limit bytes, and 2 to end it.
func bounded(key []byte, part string, limit int) []byte {
	start := len(key)
	for i := range len(part) {
		key = append(key, part[i])
		if part[i] == escape {
			key = append(key, escaped0)
		}
	}
	// One that is not cut has less than limit bytes, one that is cut exactly limit: they can't meet.
	if len(key)-start >= limit {
		sum := sha256.Sum256([]byte(part))
		hash := hex.EncodeToString(sum[:])
		key = append(key[:start+limit-len(hash)], hash...)
	}
	return append(key, escape, end)
}

func meshKey() []byte { return extend(nil, rowMesh) }

// nameKey is a mesh's key in the partition of names. A mesh name of 255 characters is never cut.
func nameKey(name string) []byte { return bounded(nil, name, 1020) }

// kindKey is what the keys of all resources of a kind and parent begin with.
func kindKey(row string, kind resource.Kind, parent string) []byte {
	return bounded(extend(nil, row, string(kind)), parent, longParent)
}

func recordKey(k resource.Key) []byte {
	return bounded(kindKey(rowResource, k.Kind, k.Parent), k.Name, longName)
}

func tagsKey(k resource.Key) []byte {
	return bounded(kindKey(rowTags, k.Kind, k.Parent), k.Name, longName)
}

// targetKey is what the keys of all references to a target begin with.
func targetKey(target resource.Key) []byte {
	sum := sha256.Sum256(extend(nil, string(target.Kind), target.Parent, target.Name))
	return extend(nil, rowRef, hex.EncodeToString(sum[:16]))
}

func refKey(target, referrer resource.Key) []byte {
	key := extend(targetKey(target), string(referrer.Kind))
	return bounded(bounded(key, referrer.Parent, longRef), referrer.Name, longRef)
}

// journalKey ends with the generation in 8 bytes, so that entries sort by number.
func journalKey(generation int64) []byte {
	return binary.BigEndian.AppendUint64(extend(nil, rowJournal), uint64(generation))
}

// behind is the least key that is greater than all keys that begin with prefix, for a prefix that ends a part.
func behind(prefix []byte) []byte {
	return append(prefix[:len(prefix)-1:len(prefix)-1], prefix[len(prefix)-1]+1)
}
