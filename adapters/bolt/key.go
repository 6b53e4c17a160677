package bolt

import (
	"bytes"
	"encoding/binary"
	"errors"

	"github.com/ownmesh/ownmesh/core/resource"
)

// The names of the rows in a mesh's partition.
const (
	rowMesh     = "mesh"
	rowJournal  = "journal"
	rowRef      = "ref"
	rowResource = "resource"
	rowTags     = "tags"
)

// A key is a tuple of strings. Each part ends with 0x00 0x01, and a 0x00 in it becomes 0x00 0xFF: so keys compare as
// their parts do one after the other, no two tuples share a key, and a tuple is a prefix of its extensions alone.
const (
	escape   = 0x00
	end      = 0x01
	escaped0 = 0xFF
)

var errKey = errors.New("not a key")

// tuple is the key made of parts.
func tuple(parts ...string) []byte { return extend(nil, parts...) }

// extend appends parts to a key.
func extend(key []byte, parts ...string) []byte {
	for _, p := range parts {
		for i := range len(p) {
			key = append(key, p[i])
			if p[i] == escape {
				key = append(key, escaped0)
			}
		}
		key = append(key, escape, end)
	}
	return key
}

// untuple takes a key apart.
func untuple(key []byte) ([]string, error) {
	var parts []string
	var part []byte
	for len(key) > 0 {
		i := bytes.IndexByte(key, escape)
		if i < 0 || i+1 == len(key) {
			return nil, errKey
		}
		part = append(part, key[:i]...)
		switch key[i+1] {
		case end:
			parts = append(parts, string(part))
			part = nil
		case escaped0:
			part = append(part, escape)
		default:
			return nil, errKey
		}
		key = key[i+2:]
	}
	if part != nil {
		return nil, errKey
	}
	return parts, nil
}

// withKey appends a resource's key.
func withKey(key []byte, k resource.Key) []byte {
	return extend(key, string(k.Kind), k.Parent, k.Name)
}

// resourceKey reads what withKey wrote.
func resourceKey(key []byte) (resource.Key, error) {
	p, err := untuple(key)
	if err != nil || len(p) != 3 {
		return resource.Key{}, errKey
	}
	return resource.Key{Kind: resource.Kind(p[0]), Parent: p[1], Name: p[2]}, nil
}

func meshKey(uid string) []byte { return tuple(uid, rowMesh) }

func recordKey(uid string, k resource.Key) []byte { return withKey(tuple(uid, rowResource), k) }

func tagsKey(uid string, k resource.Key) []byte { return withKey(tuple(uid, rowTags), k) }

func refKey(uid string, target, referrer resource.Key) []byte {
	return withKey(withKey(tuple(uid, rowRef), target), referrer)
}

// journalKey ends with the generation in 8 bytes, so that entries sort by number.
func journalKey(uid string, generation int64) []byte {
	return binary.BigEndian.AppendUint64(tuple(uid, rowJournal), uint64(generation))
}
