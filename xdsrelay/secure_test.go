package main

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"

	"github.com/ownmesh/ownmesh/core/artifact/artifacttest"
	"github.com/ownmesh/ownmesh/core/token"
	"github.com/ownmesh/ownmesh/events"
	"github.com/ownmesh/ownmesh/internal/envoybin"
	"github.com/ownmesh/ownmesh/internal/freeport"
	"github.com/ownmesh/ownmesh/sidecar/bootstrap"
	"github.com/ownmesh/ownmesh/xdsrelay/relay"
	"github.com/ownmesh/ownmesh/xdsrelay/relay/xdstest"
)

const (
	uid    = "0b0e8c2e-7a4e-4c53-9b8b-1f2f7a1c9f10"
	cartID = "mesh/shop/virtualNode/cart"
)

// installation is a mesh in memory, keys, and the relays that serve it.
type installation struct {
	t        *testing.T
	objects  *artifacttest.Memory
	tokenKey *ecdsa.PrivateKey
	settings settings
	log      *logBuffer
}

type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// keyFiles writes a new pair of keys as openssl would.
func keyFiles(t *testing.T, key *ecdsa.PrivateKey) (private, public string) {
	t.Helper()
	dir := t.TempDir()
	private, public = filepath.Join(dir, "key.pem"), filepath.Join(dir, "public.pem")
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	write(t, private, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	write(t, public, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki}))
	return private, public
}

// write writes a file as a sidecar does: beside it, and then by rename.
func write(t *testing.T, file string, content []byte) {
	t.Helper()
	if err := os.WriteFile(file+".new", content, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		t.Fatal(err)
	}
}

func newInstallation(t *testing.T) *installation {
	i := &installation{t: t, objects: artifacttest.NewMemory(), tokenKey: newKey(t), log: &logBuffer{}}
	_, public := keyFiles(t, i.tokenKey)
	private, _ := keyFiles(t, newKey(t))
	i.settings = settings{
		name: "127.0.0.1:15010", tokenKeys: []string{public}, caKey: private, interval: 20 * time.Millisecond,
		limits: relay.DefaultLimits, bucket: "in memory",
	}
	if err := i.settings.check(); err != nil {
		t.Fatal(err)
	}
	publisher := xdstest.NewPublisher(t, i.objects, "shop", uid)
	publisher.Proxy("virtualNode/cart", xdstest.StaticCluster("c1", "127.0.0.1", 1, ""), xdstest.HTTPListener("l1", 0, "r1", ""), xdstest.RouteConfig("r1", "c1"))
	publisher.Publish()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the relays' log:\n%s", i.log)
		}
	})
	return i
}

// serve starts a relay on an address, and gives its addresses, and what stops it.
func (i *installation) serve(address string) (xds, admin string, stop func()) {
	i.t.Helper()
	listeners := make([]net.Listener, 2)
	for n, address := range []string{address, "127.0.0.1:0"} {
		var err error
		if listeners[n], err = listen(address, true, ""); err != nil {
			i.t.Fatal(err)
		}
	}
	p := &process{settings: i.settings, logger: slog.New(slog.NewJSONHandler(i.log, nil)), registry: prometheus.NewRegistry(), store: i.objects}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.start(ctx, ctx, listeners[0], listeners[1]) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			i.t.Error(err)
		}
		_ = listeners[1].Close()
	})
	i.t.Cleanup(stop)
	return listeners[0].Addr().String(), listeners[1].Addr().String(), stop
}

// token makes a token as the API would have at some time.
func (i *installation) token(key crypto.Signer, mesh, proxy string, at time.Time) string {
	i.t.Helper()
	issuer, err := token.NewIssuer(token.IssuerOptions{
		Signer: func(context.Context) (crypto.Signer, error) { return key, nil }, Now: func() time.Time { return at },
	})
	if err != nil {
		i.t.Fatal(err)
	}
	text, _, err := issuer.Issue(i.t.Context(), mesh, proxy)
	if err != nil {
		i.t.Fatal(err)
	}
	return text
}

func (i *installation) ca() []byte {
	i.t.Helper()
	var ca []byte
	eventually(i.t, "the authority's certificate", func() bool {
		ca = i.objects.Bytes(events.RelayCAPath)
		return ca != nil
	})
	return ca
}

func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	for until := time.Now().Add(20 * time.Second); !so(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("never: %s", what)
		}
	}
}

// bearer is a token on a stream of Go's gRPC.
type bearer string

func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	if b == "" {
		return nil, nil
	}
	return map[string]string{"authorization": string(b)}, nil
}
func (bearer) RequireTransportSecurity() bool { return true }

func (i *installation) connect(t *testing.T, xds, authorization string) *xdstest.Client {
	t.Helper()
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(i.ca())
	connection, err := grpc.NewClient("passthrough:///"+xds, grpc.WithTransportCredentials(credentials.NewClientTLSFromCert(pool, "127.0.0.1")),
		grpc.WithPerRPCCredentials(bearer(authorization)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	return xdstest.Open(t, connection, xdstest.Node{ID: cartID})
}

// TestTokens: the right token gets its node's configuration, and each wrong one is refused with its reason.
func TestTokens(t *testing.T) {
	t.Parallel()
	i := newInstallation(t)
	xds, admin, _ := i.serve("0.0.0.0:0")
	_, port, _ := net.SplitHostPort(xds)
	xds = "127.0.0.1:" + port
	now := time.Now()
	c := i.connect(t, xds, "Bearer "+i.token(i.tokenKey, uid, "virtualNode/cart", now))
	c.SubscribeAll(xdstest.Cluster)
	c.Accept(xdstest.Cluster, "c1")

	for name, test := range map[string]struct {
		authorization string
		code          codes.Code
		want          string
	}{
		"none":         {"", codes.Unauthenticated, "bears no token"},
		"no bearer":    {"Basic YTpi", codes.Unauthenticated, `must be "Bearer" and a token`},
		"nonsense":     {"Bearer sesame", codes.Unauthenticated, "it is no token of Ownmesh"},
		"expired":      {"Bearer " + i.token(i.tokenKey, uid, "virtualNode/cart", now.Add(-2*time.Hour)), codes.Unauthenticated, "it has expired at"},
		"another key":  {"Bearer " + i.token(newKey(t), uid, "virtualNode/cart", now), codes.Unauthenticated, "signed with a key that is not known here"},
		"another node": {"Bearer " + i.token(i.tokenKey, uid, "virtualNode/pay", now), codes.PermissionDenied, `the stream's token is for "virtualNode/pay", and node.id says "virtualNode/cart"`},
		"a gateway":    {"Bearer " + i.token(i.tokenKey, uid, "virtualGateway/cart", now), codes.PermissionDenied, `for "virtualGateway/cart"`},
		"another mesh": {"Bearer " + i.token(i.tokenKey, "another", "virtualNode/cart", now), codes.PermissionDenied, `for another mesh than the "shop"`},
	} {
		t.Run(name, func(t *testing.T) {
			c := i.connect(t, xds, test.authorization)
			c.SubscribeAll(xdstest.Cluster)
			if said := c.ExpectStatus(test.code); !strings.Contains(said, test.want) {
				t.Errorf("it says %q, want %q", said, test.want)
			}
		})
	}
	if text := i.log.String(); strings.Contains(text, "eyJ") {
		t.Errorf("a token is in the log")
	}
	metrics := get(t, "http://"+admin+"/metrics")
	for _, want := range []string{`ownmesh_relay_unauthorized_total{reason="expired"} 1`, `ownmesh_relay_unauthorized_total{reason="proxy"} 2`, "ownmesh_relay_streams 1", "ownmesh_relay_certificate_expiry_seconds 1"} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no %s among the metrics", want)
		}
	}
}

func get(t *testing.T, url string) string {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	return string(body)
}

// TestEnvoyWithTokens: a real Envoy is refused while its token is another node's, gets its configuration once the file is
// right, keeps it through rotations, a relay's restart and a wrong key, and comes back.
func TestEnvoyWithTokens(t *testing.T) {
	t.Parallel()
	i := newInstallation(t)
	port, err := freeport.Next() // so that nobody takes it while the relay is away
	if err != nil {
		t.Fatal(err)
	}
	xds, relayAdmin, stop := i.serve(fmt.Sprint("127.0.0.1:", port))
	dir := t.TempDir()
	secret, err := bootstrap.TokenSecret(dir)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, bootstrap.TokenFile)
	good := func() []byte { return []byte(i.token(i.tokenKey, uid, "virtualNode/cart", time.Now())) }
	write(t, filepath.Join(dir, bootstrap.CAFile), i.ca())
	write(t, filepath.Join(dir, bootstrap.SecretFile), secret)
	write(t, file, []byte(i.token(i.tokenKey, uid, "virtualNode/pay", time.Now())))

	log, admin := startEnvoy(t, dir, xds)
	logged := func(what string) { eventually(t, what, func() bool { return strings.Contains(log.String(), what) }) }
	listening := func() bool { return strings.Contains(get(t, "http://"+admin+"/listeners"), "l1") }
	streams := func(n string) func() bool {
		return func() bool {
			return strings.Contains(get(t, "http://"+relayAdmin+"/metrics"), "ownmesh_relay_streams "+n+"\n")
		}
	}
	logged(`the stream's token is for "virtualNode/pay"`)
	write(t, file, good())
	eventually(t, "the listener", listening)
	for range 3 { // a rotation closes no stream
		write(t, file, good())
		time.Sleep(100 * time.Millisecond)
	}
	eventually(t, "one stream", streams("1"))
	closed := strings.Count(log.String(), "gRPC config stream to")

	write(t, file, []byte(i.token(newKey(t), uid, "virtualNode/cart", time.Now())))
	stop()
	_, relayAdmin, _ = i.serve(xds)
	logged("signed with a key that is not known here")
	if !listening() {
		t.Error("an Envoy that is refused lost its configuration")
	}
	write(t, file, good())
	eventually(t, "the stream again", streams("1"))
	if !listening() {
		t.Error("an Envoy that came back lost its configuration")
	}
	if text := get(t, "http://"+admin+"/config_dump"); strings.Contains(text, "eyJ") {
		t.Error("the token is in the config dump")
	}
	t.Logf("streams closed before the restart: %d", closed)
}

func startEnvoy(t *testing.T, dir, xds string) (log *logBuffer, admin string) {
	t.Helper()
	config, err := bootstrap.Render(bootstrap.Options{NodeID: cartID, XDS: xds, Credentials: dir, Admin: "127.0.0.1:0", OutlierLog: os.DevNull})
	if err != nil {
		t.Fatal(err)
	}
	bootstrapFile, adminFile := filepath.Join(t.TempDir(), "bootstrap.yaml"), filepath.Join(t.TempDir(), "admin")
	write(t, bootstrapFile, config)
	log = &logBuffer{}
	envoy := exec.Command(envoybin.Find(t), "-c", bootstrapFile, "--use-dynamic-base-id", "--concurrency", "1", "--admin-address-path", adminFile, "--log-level", "info")
	envoy.Stdout, envoy.Stderr = log, log
	if err := envoy.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = envoy.Process.Kill()
		_ = envoy.Wait()
		if t.Failed() {
			t.Logf("Envoy's log:\n%s", log)
		}
	})
	eventually(t, "Envoy's admin address", func() bool {
		address, err := os.ReadFile(adminFile)
		admin = string(address)
		return err == nil && admin != ""
	})
	return log, admin
}
