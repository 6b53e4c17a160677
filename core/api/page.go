package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Where a client gives no limit.
const (
	defaultPage     = 100
	defaultTagsPage = 50
)

// checkBytes is how much of the digest a page token carries: enough to tell a token of another list, or a garbled one.
const checkBytes = 6

// pageToken names the last item given, so an item deleted meanwhile breaks nothing. scope names the list that it
// belongs to; a token is refused by any other list. It is opaque to clients but guards nothing.
func pageToken(scope []string, last string) string {
	return base64.RawURLEncoding.EncodeToString(append(pageCheck(scope, last), last...))
}

func pageCheck(scope []string, last string) []byte {
	sum := sha256.Sum256([]byte(strings.Join(append(scope[:len(scope):len(scope)], last), "\x00")))
	return sum[:checkBytes]
}

// afterToken reads a page token back; the empty one is the start.
func afterToken(scope []string, token string) (last string, err error) {
	if token == "" {
		return "", nil
	}
	raw, decodeErr := base64.RawURLEncoding.Strict().DecodeString(token)
	if decodeErr != nil || len(raw) <= checkBytes || !utf8.Valid(raw[checkBytes:]) ||
		!bytes.Equal(raw[:checkBytes], pageCheck(scope, string(raw[checkBytes:]))) {
		return "", fail(badRequest, "nextToken is not one that this list gave")
	}
	return string(raw[checkBytes:]), nil
}

// limit is how many items the client wants at most. The query was checked before.
func (c *call) limit(otherwise int) int {
	if n, err := strconv.Atoi(c.query.Get("limit")); err == nil {
		return n
	}
	return otherwise
}

// cut takes a page of at most limit items off items, which were read with one more than limit, so that a token is
// given only where something follows.
func cut[T any](items []T, limit int, scope []string, name func(T) string) (page []T, token string) {
	if len(items) <= limit {
		return items, ""
	}
	page = items[:limit]
	return page, pageToken(scope, name(page[limit-1]))
}
