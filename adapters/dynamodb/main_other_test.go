//go:build !linux

package dynamodb_test

import (
	"testing"

	"github.com/ownmesh/ownmesh/internal/emulator"
)

func TestMain(m *testing.M) { emulator.Main(m) }
