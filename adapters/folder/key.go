package folder

import (
	"context"
	"errors"
	"strings"

	"github.com/ownmesh/ownmesh/core/artifact"
)

// maxSegment bounds the names of files and folders, in bytes.
const maxSegment = 255

// upper marks an upper-case letter in a file name, which follows in lower case. It can't be part of a key.
const upper = '='

// fileName is the path of a key's file, if the key is one and ctx has not ended.
func fileName(ctx context.Context, key string) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if err := artifact.CheckObjectKey(key); err != nil {
		return "", err
	}
	segments := strings.Split(key, "/")
	for i, s := range segments {
		if segments[i] = encodeSegment(s); len(segments[i]) > maxSegment {
			return "", errors.New("bad key: a segment is too long for a file name")
		}
	}
	return strings.Join(segments, "/"), nil
}

// encodeSegment is the file name of one segment of a key.
func encodeSegment(s string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if 'A' <= c && c <= 'Z' {
			b.WriteByte(upper)
			c += 'a' - 'A'
		}
		b.WriteByte(c)
	}
	return b.String()
}

// decodeSegment is what encodeSegment was given, false for a file that is none of ours.
func decodeSegment(name string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		c := name[i]
		if c == upper && i+1 < len(name) {
			i++
			c = name[i] - 'a' + 'A'
		}
		b.WriteByte(c)
	}
	segment := b.String()
	return segment, artifact.CheckObjectKey(segment) == nil && encodeSegment(segment) == name
}
