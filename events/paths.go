package events

import (
	"fmt"
	"net/url"
)

// LogName is the name of one of a mesh's two logs.
type LogName string

// Config is written by compile, Endpoints by register.
const (
	LogConfig    LogName = "config"
	LogEndpoints LogName = "endpoints"
)

// Where things lie in the artifact store.

// MeshPrefix is the prefix of everything that belongs to the mesh with this uid.
func MeshPrefix(uid string) string { return "meshes/" + uid + "/" }

// LogPrefix is the prefix of one of a mesh's logs.
func LogPrefix(uid string, log LogName) string { return MeshPrefix(uid) + string(log) + "/" }

// EntryPath is the change that leads on from seq.
func EntryPath(uid string, log LogName, epoch, seq int64) string {
	return fmt.Sprintf("%s%010d/%012d", LogPrefix(uid, log), epoch, seq)
}

// FullPath is the full state at seq.
func FullPath(uid string, log LogName, epoch, seq int64) string {
	return fmt.Sprintf("%s%010d/full-%012d", LogPrefix(uid, log), epoch, seq)
}

// CheckpointPath names the newest full state of a log.
func CheckpointPath(uid string, log LogName) string { return LogPrefix(uid, log) + "checkpoint" }

// NamePath holds the uid that a mesh's name means now.
func NamePath(mesh string) string { return "names/" + url.PathEscape(mesh) }

// ReportPath holds what the newest compilation said of a mesh: resource.Report.
func ReportPath(uid string) string { return MeshPrefix(uid) + "report" }

// StatusPrefix is the prefix of the relays' status objects of a mesh.
func StatusPrefix(uid string) string { return MeshPrefix(uid) + "status/" }

// StatusPath is one relay's status of a mesh.
func StatusPath(uid, relay string) string { return StatusPrefix(uid) + url.PathEscape(relay) }
