package folder

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// maxKey bounds a key, as S3 does; maxSegment bounds the file names made from it, which may take 255 bytes.
const (
	maxKey     = 1024
	maxSegment = 255
)

// upper marks an upper-case letter in a file name, which follows in lower case. It can't be part of a key.
const upper = '='

// fileName is the path of a key's file, if the key is one and ctx has not ended.
func fileName(ctx context.Context, key string) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if len(key) > maxKey {
		return "", fmt.Errorf("bad key: longer than %d bytes", maxKey)
	}
	segments := strings.Split(key, "/")
	for i, s := range segments {
		if s == "" || s == "." || s == ".." {
			return "", errors.New(`bad key: a segment is empty, "." or ".."`)
		}
		name, ok := encodeSegment(s)
		if !ok {
			return "", errors.New("bad key: only letters, digits and -_./ are allowed")
		}
		if len(name) > maxSegment {
			return "", errors.New("bad key: a segment is too long for a file name")
		}
		segments[i] = name
	}
	return strings.Join(segments, "/"), nil
}

// encodeSegment is the file name of one segment, false if there is a character that keys don't have.
func encodeSegment(s string) (string, bool) {
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', strings.IndexByte("-_.", c) >= 0:
			b.WriteByte(c)
		case 'A' <= c && c <= 'Z':
			b.WriteByte(upper)
			b.WriteByte(c - 'A' + 'a')
		default:
			return "", false
		}
	}
	return b.String(), true
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
	again, ok := encodeSegment(b.String())
	return b.String(), ok && again == name
}
