package artifact

import (
	"errors"
	"fmt"
	"strings"
)

// maxObjectKey bounds a key, as S3 does.
const maxObjectKey = 1024

// CheckObjectKey says what is wrong with an object's key. Implementations of Objects call it before anything else.
func CheckObjectKey(key string) error {
	if len(key) > maxObjectKey {
		return fmt.Errorf("bad key: longer than %d bytes", maxObjectKey)
	}
	for s := range strings.SplitSeq(key, "/") {
		if s == "" || s == "." || s == ".." {
			return errors.New(`bad key: a segment is empty, "." or ".."`)
		}
	}
	for i := range len(key) {
		switch c := key[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-_./", c) >= 0:
		default:
			return errors.New("bad key: only letters, digits and -_./ are allowed")
		}
	}
	return nil
}
