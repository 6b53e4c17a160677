package artifact

import (
	"strconv"
	"strings"
)

// parseKey reads the key of an object in the epoch whose prefix is given. ok is false for anything else.
func parseKey(prefix, key string) (seq int64, k kind, ok bool) {
	name, ok := strings.CutPrefix(key, prefix)
	if !ok {
		return 0, "", false
	}
	k = kindChange
	if rest, full := strings.CutPrefix(name, "full-"); full {
		name, k = rest, kindFull
		if rest, manifest := strings.CutSuffix(name, ".manifest"); manifest {
			name, k = rest, kindManifest
		}
	}
	seq, err := strconv.ParseInt(name, 10, 64)
	return seq, k, err == nil && seq >= 0
}

// parseEpoch reads the number of the epoch that a key of a log belongs to. ok is false for the checkpoint.
func parseEpoch(logPrefix, key string) (epoch int64, ok bool) {
	name, ok := strings.CutPrefix(key, logPrefix)
	if !ok {
		return 0, false
	}
	number, _, ok := strings.Cut(name, "/")
	if !ok {
		return 0, false
	}
	epoch, err := strconv.ParseInt(number, 10, 64)
	return epoch, err == nil && epoch > 0
}
