package artifact

import (
	"encoding/json"
	"strings"

	"github.com/ownmesh/ownmesh/events"
)

// CheckpointTarget gives the key of the full state that a checkpoint names, from the checkpoint's own key and bytes.
// ok is false for anything that is no intact checkpoint.
func CheckpointTarget(key string, data []byte) (full string, ok bool) {
	uid, name, ok := parseLogKey(key)
	if !ok || key != events.CheckpointPath(uid, name) {
		return "", false
	}
	d, err := unframe(data)
	if err != nil || d.Kind != kindCheckpoint || d.UID != uid || d.Log != name {
		return "", false
	}
	var c checkpoint
	if json.Unmarshal(d.body, &c) != nil || c.Epoch < 1 {
		return "", false
	}
	return events.FullPath(uid, name, c.Epoch, c.Seq), true
}

// Precedes says whether who begins at a full state has no need of an object of the same log.
func Precedes(key, full string) bool {
	uid, name, ok := parseLogKey(full)
	prefix := events.LogPrefix(uid, name)
	if !ok || !strings.HasPrefix(key, prefix) {
		return false
	}
	epoch, ok := parseEpoch(prefix, key)
	from, isFull := parseEpoch(prefix, full)
	if !ok || !isFull || epoch != from {
		return ok && isFull && epoch < from
	}
	seq, _, ok := parseKey(events.EpochPrefix(uid, name, epoch), key)
	start, _, isFull := parseKey(events.EpochPrefix(uid, name, epoch), full)
	return ok && isFull && seq < start
}

// parseLogKey reads which log a key belongs to.
func parseLogKey(key string) (uid string, name events.LogName, ok bool) {
	rest, ok := strings.CutPrefix(key, events.MeshesPrefix)
	if !ok {
		return "", "", false
	}
	parts := strings.SplitN(rest, "/", 3)
	if len(parts) != 3 || parts[0] == "" {
		return "", "", false
	}
	name = events.LogName(parts[1])
	return parts[0], name, name == events.LogConfig || name == events.LogEndpoints
}
