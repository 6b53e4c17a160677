package envoy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// network is a few namespaces on one bridge, as hosts on one cable: 10.200.0.1, .2 and so on. Nothing of it is seen or
// reached from the machine's own namespace, and it ends with the test.
type network struct {
	t     *testing.T
	names string // what its namespaces' names begin with
	hub   string // the namespace with the bridge
	hosts int
}

// namespaces are called so, then the process that made them: what a killed run left is found by that. Then the network's
// number.
const namePrefix = "ownmesh-test-"

var networks atomic.Int64

// newNetwork makes a network without hosts. Where that can't be, it skips the test and says why, or fails it if
// OWNMESH_REQUIRE_NETNS says that it must run.
func newNetwork(t *testing.T) *network {
	t.Helper()
	names := fmt.Sprintf("%s%d-%d-", namePrefix, os.Getpid(), networks.Add(1))
	n := &network{t: t, names: names, hub: names + "hub"}
	if err := n.try(); err != nil {
		if os.Getenv("OWNMESH_REQUIRE_NETNS") == "1" {
			t.Fatalf("OWNMESH_REQUIRE_NETNS is 1, but network namespaces can't be made: %v", err)
		}
		t.Skipf("transparent interception was NOT tested: %v", err)
	}
	return n
}

func (n *network) try() error {
	if os.Geteuid() != 0 {
		return errors.New("network namespaces and iptables rules take root")
	}
	for _, program := range []string{"ip", "iptables"} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("%w (Debian packages iproute2 and iptables)", err)
		}
	}
	if err := removeLeftovers(); err != nil {
		return err
	}
	if err := run("ip", "netns", "add", n.hub); err != nil {
		return err
	}
	n.t.Cleanup(func() { n.must("ip", "netns", "del", n.hub) })
	for _, command := range []string{
		"iptables -w -t nat -S", // which needs the kernel's help; others may hold its lock
		"ip link add bridge type bridge",
		"ip link set bridge up",
	} {
		if err := run("ip", append([]string{"netns", "exec", n.hub}, strings.Fields(command)...)...); err != nil {
			return err
		}
	}
	return nil
}

// removeLeftovers removes the namespaces of test processes that are gone.
func removeLeftovers() error {
	listed, err := exec.Command("ip", "netns", "list").Output()
	if err != nil {
		return fmt.Errorf("ip netns list: %w", err)
	}
	for line := range strings.Lines(string(listed)) {
		name, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		rest, ours := strings.CutPrefix(name, namePrefix)
		pid, _, _ := strings.Cut(rest, "-")
		number, err := strconv.Atoi(pid)
		if !ours || err != nil || unix.Kill(number, 0) == nil {
			continue
		}
		if err := run("ip", "netns", "del", name); err != nil {
			if _, gone := os.Stat("/var/run/netns/" + name); errors.Is(gone, fs.ErrNotExist) {
				continue // another test was first
			}
			return err
		}
	}
	return nil
}

func run(program string, args ...string) error {
	said, err := exec.Command(program, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w: %s", program, strings.Join(args, " "), err, strings.TrimSpace(string(said)))
	}
	return nil
}

func (n *network) must(program string, args ...string) {
	n.t.Helper()
	if err := run(program, args...); err != nil {
		n.t.Error(err)
	}
}

// host is a network namespace with addresses of its own.
type host struct {
	t    *testing.T
	name string // of the namespace
	ip   string
	end  chan struct{} // closed when the test ends
}

// host makes the next host of the network, with these addresses besides its own.
func (n *network) host(name string, besides ...string) *host {
	n.t.Helper()
	n.hosts++
	h := &host{
		t: n.t, ip: fmt.Sprintf("10.200.0.%d", n.hosts), end: make(chan struct{}),
		name: n.names + name,
	}
	n.must("ip", "netns", "add", h.name)
	n.t.Cleanup(func() { n.must("ip", "netns", "del", h.name) })
	n.t.Cleanup(func() { close(h.end) })
	port := "port" + strconv.Itoa(n.hosts)
	n.must("ip", "-n", n.hub, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", h.name)
	n.must("ip", "-n", n.hub, "link", "set", port, "master", "bridge", "up")
	n.must("ip", "-n", h.name, "link", "set", "lo", "up")
	n.must("ip", "-n", h.name, "link", "set", "eth0", "up")
	for _, address := range append([]string{h.ip}, besides...) {
		n.must("ip", "-n", h.name, "addr", "add", address+"/24", "dev", "eth0")
	}
	return h
}

// envoyUser is the user whose connections aren't redirected: App Mesh's IgnoredUID.
const envoyUser = 1337

// redirect sets up App Mesh's iptables rules; by ip6tables they are those for IPv6.
func (h *host) redirect(iptables, appPorts, egressIgnoredPorts, egressIgnoredIPs string) {
	h.t.Helper()
	for _, rule := range []string{
		"-N APPMESH_INGRESS",
		"-A APPMESH_INGRESS -p tcp -m multiport --dports " + appPorts + " -j REDIRECT --to-port 15000",
		"-A PREROUTING -p tcp -m addrtype ! --src-type LOCAL -j APPMESH_INGRESS",
		"-N APPMESH_EGRESS",
		"-A APPMESH_EGRESS -m owner --uid-owner " + strconv.Itoa(envoyUser) + " -j RETURN",
		"-A APPMESH_EGRESS -m owner --gid-owner " + strconv.Itoa(envoyUser) + " -j RETURN",
		"-A APPMESH_EGRESS -p tcp -m multiport --dports " + egressIgnoredPorts + " -j RETURN",
		"-A APPMESH_EGRESS -p tcp -d " + egressIgnoredIPs + " -j RETURN",
		"-A APPMESH_EGRESS -p tcp -j REDIRECT --to 15001",
		"-A OUTPUT -p tcp -m addrtype ! --dst-type LOCAL -j APPMESH_EGRESS",
	} {
		args := append([]string{"netns", "exec", h.name, iptables, "-w", "-t", "nat"}, strings.Fields(rule)...)
		if err := run("ip", args...); err != nil {
			h.t.Fatal(err)
		}
	}
}

// do runs f on a thread in the namespace: sockets that it makes, and processes that it starts, stay there. The thread
// comes back and lives on: with it would end every Envoy that it ever started, see attributes.
func (h *host) do(f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		home, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			done <- fmt.Errorf("open this thread's namespace: %w", err)
			return
		}
		defer unix.Close(home)
		err = h.enter(f)
		if back := unix.Setns(home, unix.CLONE_NEWNET); back != nil {
			done <- errors.Join(err, fmt.Errorf("leave namespace %s: %w", h.name, back)) // a thread that is lost stays locked
			return
		}
		runtime.UnlockOSThread()
		done <- err
	}()
	return <-done
}

// enter runs f in the namespace and leaves the thread there.
func (h *host) enter(f func() error) error {
	fd, err := unix.Open("/var/run/netns/"+h.name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open namespace %s: %w", h.name, err)
	}
	defer unix.Close(fd)
	if err := unix.Setns(fd, unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("enter namespace %s: %w", h.name, err)
	}
	return f()
}

// connectAs connects from the host as another user, in a process of its own, and reads a line.
func (h *host) connectAs(user, group uint32, ip string, port int) (line string, err error) {
	cmd := exec.CommandContext(h.t.Context(), "bash", "-c", fmt.Sprintf("exec 3<>/dev/tcp/%s/%d && head -n 1 <&3", ip, port))
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user, Gid: group}}
	cmd.Dir = "/"
	err = h.do(func() error {
		said, err := cmd.Output()
		line = string(said)
		return err
	})
	return line, err
}

// dial connects from the host, as an application that is not Envoy. The address is no name: names are looked up on
// other threads.
func (h *host) dial(ctx context.Context, network, address string) (c net.Conn, err error) {
	err = h.do(func() error {
		c, err = (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, network, address)
		return err
	})
	return c, err
}

// listen listens on the host until the test ends.
func (h *host) listen(address string) net.Listener {
	h.t.Helper()
	var l net.Listener
	if err := h.do(func() (err error) {
		l, err = net.Listen("tcp", address)
		return err
	}); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { l.Close() })
	return l
}

// start starts a process on the host as Envoy's user. Its thread stays until the test ends: the kernel ends the process
// with it.
func (h *host) start(cmd *exec.Cmd) error {
	// That user may not be let into the folder where the program lies.
	program, err := os.Open(cmd.Path)
	if err != nil {
		return err
	}
	defer program.Close()
	cmd.ExtraFiles = []*os.File{program}
	cmd.Path = "/proc/self/fd/3"
	cmd.SysProcAttr.Credential = &syscall.Credential{Uid: envoyUser, Gid: envoyUser}
	started := make(chan error, 1)
	go h.do(func() error {
		started <- cmd.Start()
		<-h.end
		return nil
	})
	return <-started
}

// bridge makes an address of the machine's own loopback reachable on the host's loopback, and returns that address.
func (h *host) bridge(to string) string {
	h.t.Helper()
	l := h.listen("127.0.0.1:0")
	go forward(l, func() (net.Conn, error) { return net.Dial("tcp", to) })
	return l.Addr().String()
}

// forward passes on each connection, until the listener is closed.
func forward(l net.Listener, dial func() (net.Conn, error)) {
	for {
		from, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer from.Close()
			to, err := dial()
			if err != nil {
				return
			}
			defer to.Close()
			var both sync.WaitGroup
			for _, way := range [][2]net.Conn{{from, to}, {to, from}} {
				both.Go(func() {
					_, _ = io.Copy(way[0], way[1]) // how it ended is the ends' business
					way[0].Close()
				})
			}
			both.Wait()
		}()
	}
}
