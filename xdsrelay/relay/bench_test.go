package relay_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/artifact/artifacttest"
	"github.com/ownmesh/ownmesh/xdsrelay/relay"
	"github.com/ownmesh/ownmesh/xdsrelay/relay/xdstest"
)

// Benchmarks of the fan-out, against a floor: a server that pushes the same bytes with no logic. The clients are a
// process of their own, so that what is measured is the server's alone.

const (
	fleetVariable  = "OWNMESH_TEST_FLEET" // "<address> <streams>": this process is the clients
	benchClusters  = 40
	benchListeners = 10 // and as many route configs
	atStart        = 4  // responses that a new stream gets
)

func TestMain(m *testing.M) {
	if order := os.Getenv(fleetVariable); order != "" {
		var address string
		var streams int
		if _, err := fmt.Sscan(order, &address, &streams); err != nil {
			panic(err)
		}
		sail(address, streams)
		return
	}
	os.Exit(m.Run())
}

// sail opens streams that accept everything, and prints the number of endpoint updates that have come to all of them.
func sail(address string, streams int) {
	var mu sync.Mutex
	var settled, updates int
	count := func(update bool) {
		mu.Lock()
		defer mu.Unlock()
		if update {
			updates++
		} else {
			settled++
		}
		if (update && updates%streams == 0) || (!update && settled == streams) {
			fmt.Println(updates / streams)
		}
	}
	var gate = make(chan struct{}, 64)
	for range streams {
		gate <- struct{}{}
		go sailOne(address, count, func() { <-gate })
	}
	_, _ = io.Copy(io.Discard, os.Stdin) // until the parent is done
}

func sailOne(address string, count func(update bool), connected func()) {
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithReadBufferSize(4<<10), grpc.WithWriteBufferSize(4<<10))
	if err != nil {
		panic(err)
	}
	stream, err := discoveryv3.NewAggregatedDiscoveryServiceClient(connection).DeltaAggregatedResources(context.Background())
	if err != nil {
		panic(err)
	}
	names := make([]string, benchClusters)
	for n := range names {
		names[n] = benchName(n)
	}
	routes := make([]string, benchListeners)
	for n := range routes {
		routes[n] = benchRoute(n)
	}
	node, err := xdstest.Node{ID: cartID}.Proto()
	if err != nil {
		panic(err)
	}
	for _, request := range []*discoveryv3.DeltaDiscoveryRequest{
		{Node: node, TypeUrl: string(xdstest.Cluster)},
		{TypeUrl: string(xdstest.Listener)},
		{TypeUrl: string(xdstest.Endpoint), ResourceNamesSubscribe: names},
		{TypeUrl: string(xdstest.Route), ResourceNamesSubscribe: routes},
	} {
		_ = stream.Send(request)
	}
	for received := 0; ; received++ {
		response, err := stream.Recv()
		if err != nil {
			panic(err)
		}
		_ = stream.Send(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: response.TypeUrl, ResponseNonce: response.Nonce})
		switch {
		case received == atStart-1:
			connected()
			count(false)
		case received >= atStart:
			count(true)
		}
	}
}

func benchName(n int) string {
	return fmt.Sprintf("cds_egress_shop_a-node-with-a-name-%02d_http_8080", n)
}

func benchRoute(n int) string { return fmt.Sprintf("rds_egress_http_%d", 8000+n) }

func BenchmarkFanout(b *testing.B) {
	for _, streams := range []int{1000, 5000} {
		b.Run(fmt.Sprintf("relay/N=%d", streams), func(b *testing.B) {
			objects := artifacttest.NewMemory()
			p := xdstest.NewPublisher(b, objects, "shop", meshUID)
			publishBench(p)
			r := relay.New(relay.Options{Objects: objects, Interval: time.Hour, Hold: time.Hour})
			p.Wake = r.Wake
			fanOut(b, xdstest.Serve(b, r), streams, func(n int) { p.Register(instance("1", fmt.Sprintf("10.1.%d.%d", n/250%250, n%250))) })
		})
		b.Run(fmt.Sprintf("floor/N=%d", streams), func(b *testing.B) {
			f := &floor{}
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			server := grpc.NewServer(relay.ServerOptions()...)
			discoveryv3.RegisterAggregatedDiscoveryServiceServer(server, f)
			go func() { _ = server.Serve(listener) }()
			defer server.Stop()
			fanOut(b, listener.Addr().String(), streams, func(int) { f.push() })
		})
	}
}

func publishBench(p *xdstest.Publisher) {
	var resources []artifact.Resource
	for n := range benchClusters {
		service := orders
		if n > 0 {
			service.Service = strconv.Itoa(n)
		}
		resources = append(resources, xdstest.EDSCluster(benchName(n), service, 8080))
	}
	for n := range benchListeners {
		resources = append(resources, listener(fmt.Sprint("l", n), benchRoute(n)), route(benchRoute(n), benchName(0)))
	}
	p.Proxy(cart, resources...)
	p.Register(instance("1", "10.0.0.1"))
	p.Publish()
}

// fanOut measures changes that every stream needs, and reports the server's CPU time for one, and memory a stream.
func fanOut(b *testing.B, address string, streams int, change func(n int)) {
	before := inUse()
	fleet := exec.Command(os.Args[0])
	fleet.Env = append(os.Environ(), fmt.Sprintf("%s=%s %d", fleetVariable, address, streams))
	fleet.Stderr = os.Stderr
	hold, err := fleet.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := fleet.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := fleet.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() { _ = hold.Close(); _ = fleet.Process.Kill(); _ = fleet.Wait() }()
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		b.Fatal("the clients have failed")
	}
	time.Sleep(200 * time.Millisecond)
	memory := inUse() - before
	n := 0
	b.ResetTimer()
	cpu := cpuTime()
	for b.Loop() {
		n++
		change(n)
		if !lines.Scan() || lines.Text() != strconv.Itoa(n) {
			b.Fatalf("the clients say %q after %d changes", lines.Text(), n)
		}
	}
	b.ReportMetric(float64((cpuTime()-cpu).Microseconds())/1000/float64(n), "cpu-ms/change")
	b.ReportMetric(float64(memory)/1024/float64(streams), "KiB/stream")
}

func inUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}

func cpuTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// floor is a server that knows nothing: it sends each stream as many messages as a relay does at first, and one more for
// each push.
type floor struct {
	discoveryv3.UnimplementedAggregatedDiscoveryServiceServer
	mu      sync.Mutex
	streams []chan struct{}
}

func (f *floor) push() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.streams {
		s <- struct{}{}
	}
}

func (f *floor) DeltaAggregatedResources(rpc discoveryv3.AggregatedDiscoveryService_DeltaAggregatedResourcesServer) error {
	pushes := make(chan struct{}, 1)
	f.mu.Lock()
	f.streams = append(f.streams, pushes)
	f.mu.Unlock()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			if err := rpc.RecvMsg(new(discoveryv3.DeltaDiscoveryRequest)); err != nil {
				return
			}
		}
	}()
	message := relay.EndpointUpdate(benchName(0))
	for range atStart {
		if err := rpc.SendMsg(message); err != nil {
			return err
		}
	}
	for {
		select {
		case <-ended:
			return nil
		case <-pushes:
			if err := rpc.SendMsg(message); err != nil {
				return err
			}
		}
	}
}
