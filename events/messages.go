package events

import (
	"encoding/json"
	"errors"
	"fmt"
)

// InstancesChanged tells register that instances of a service have changed, and asks it to look for one mesh; never
// what changed.
type InstancesChanged struct {
	UID       string `json:"uid"`
	Namespace string `json:"namespace"`
	Service   string `json:"service"`
}

// RegisterMessage is the body of a message to register: exactly one member is set.
type RegisterMessage struct {
	MeshChanged      *MeshChanged      `json:"meshChanged,omitempty"`
	InstancesChanged *InstancesChanged `json:"instancesChanged,omitempty"`
}

// UID is the mesh that the message is about.
func (m RegisterMessage) UID() string {
	if m.MeshChanged != nil {
		return m.MeshChanged.UID
	}
	if m.InstancesChanged != nil {
		return m.InstancesChanged.UID
	}
	return ""
}

// ParseMeshChanged reads the body of a message to compile.
func ParseMeshChanged(body string) (MeshChanged, error) {
	var m MeshChanged
	if err := json.Unmarshal([]byte(body), &m); err != nil {
		return m, fmt.Errorf("message is not {\"uid\",\"generation\"}: %w", err)
	}
	return m, m.check()
}

// ParseRegisterMessage reads the body of a message to register.
func ParseRegisterMessage(body string) (RegisterMessage, error) {
	var m RegisterMessage
	if err := json.Unmarshal([]byte(body), &m); err != nil {
		return m, fmt.Errorf("message is not {\"meshChanged\"} or {\"instancesChanged\"}: %w", err)
	}
	i := m.InstancesChanged
	switch {
	case (m.MeshChanged == nil) == (i == nil):
		return m, errors.New("message must have exactly one of meshChanged and instancesChanged")
	case i == nil:
		return m, m.MeshChanged.check()
	case i.UID == "" || i.Namespace == "" || i.Service == "":
		return m, fmt.Errorf("instancesChanged must have uid, namespace and service, got %q, %q, %q", i.UID, i.Namespace, i.Service)
	}
	return m, nil
}

func (m MeshChanged) check() error {
	switch {
	case m.UID == "":
		return errors.New("meshChanged must have a uid")
	case m.Generation < 0:
		return fmt.Errorf("generation must be at least 0, got %d", m.Generation)
	}
	return nil
}

// Merge is a message that stands for both of one mesh: to look at everything wins, else the newest generation.
func (m MeshChanged) Merge(other MeshChanged) MeshChanged {
	if m.Generation == 0 || other.Generation == 0 {
		m.Generation = 0
		return m
	}
	m.Generation = max(m.Generation, other.Generation)
	return m
}
