//go:build !linux

package envoy

import "testing"

func TestTransparent(t *testing.T) {
	t.Skip("transparent interception was NOT tested: it takes Linux's network namespaces and iptables")
}
