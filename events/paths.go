package events

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// LogName is the name of one of a mesh's two logs.
type LogName string

// Config is written by compile, Endpoints by register.
const (
	LogConfig    LogName = "config"
	LogEndpoints LogName = "endpoints"
)

// Where things lie in the artifact store.

// MeshesPrefix is the prefix of everything that belongs to any mesh.
const MeshesPrefix = "meshes/"

// MeshPrefix is the prefix of everything that belongs to the mesh with this uid.
func MeshPrefix(uid string) string { return MeshesPrefix + uid + "/" }

// LogPrefix is the prefix of one of a mesh's logs.
func LogPrefix(uid string, log LogName) string { return MeshPrefix(uid) + string(log) + "/" }

// EpochPrefix is the prefix of one epoch of a log. Its number has 13 digits, so that keys sort as numbers do: an
// epoch is named after the millisecond in which it began.
func EpochPrefix(uid string, log LogName, epoch int64) string {
	return fmt.Sprintf("%s%013d/", LogPrefix(uid, log), epoch)
}

// EntryPath is the change that leads on from seq.
func EntryPath(uid string, log LogName, epoch, seq int64) string {
	return fmt.Sprintf("%s%012d", EpochPrefix(uid, log, epoch), seq)
}

// FullPath is the full state at seq.
func FullPath(uid string, log LogName, epoch, seq int64) string {
	return fmt.Sprintf("%sfull-%012d", EpochPrefix(uid, log, epoch), seq)
}

// ManifestPath lists ids and hashes of the full state at seq, without the bodies.
func ManifestPath(uid string, log LogName, epoch, seq int64) string {
	return FullPath(uid, log, epoch, seq) + ".manifest"
}

// CheckpointPath names the newest full state of a log.
func CheckpointPath(uid string, log LogName) string { return LogPrefix(uid, log) + "checkpoint" }

// NamePath holds the uid that a mesh's name means now.
func NamePath(mesh string) string { return "names/" + segment(mesh) }

// RelayCAPath holds the certificate, as PEM, of the authority that the relays' own certificates are signed by. The first
// relay makes it, and nobody changes it.
const RelayCAPath = "relay/ca.pem"

// ReportPath holds what the newest compilation said of a mesh: resource.Report.
func ReportPath(uid string) string { return MeshPrefix(uid) + "report" }

// RegistrationPath holds what register said of a mesh's resources: a resource.Report, and notes of its own.
func RegistrationPath(uid string) string { return MeshPrefix(uid) + "registration" }

// StatusPrefix is the prefix of the relays' status objects of a mesh.
func StatusPrefix(uid string) string { return MeshPrefix(uid) + "status/" }

// StatusPath is one relay's status of a mesh.
func StatusPath(uid, relay string) string { return StatusPrefix(uid) + segment(relay) }

// segment is any text as one segment of a key: itself if it is short and plain, else its hash. Names may be longer
// than a key, and hold what keys don't.
func segment(s string) string {
	plain := s != "" && len(s) <= 120 && strings.Trim(s, ".") != "" && !strings.HasPrefix(s, hashed)
	for _, c := range s {
		plain = plain && (c < utf8.RuneSelf && (unicode.IsLetter(c) || unicode.IsDigit(c)) || strings.ContainsRune("-_.", c))
	}
	if plain {
		return s
	}
	return fmt.Sprintf("%s%x", hashed, sha256.Sum256([]byte(s)))
}

// hashed begins the segments that are hashes; texts that begin like that are hashed, too.
const hashed = "sha256-"

// ConvergedPath remembers the newest generation of a mesh that Mesh Converged was told for.
func ConvergedPath(uid string) string { return MeshPrefix(uid) + "converged" }
