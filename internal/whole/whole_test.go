package whole

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/appmesh"
)

// An answer arrives though whoever wrote the request is late to see that it was written. It changes what all clients share:
// it is not parallel.
func TestALateWriter(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.(http.Flusher).Flush()
		time.Sleep(2 * lateness)
		_, _ = io.WriteString(w, `{"meshName":"shop"}`)
	}))
	t.Cleanup(s.Close)
	before := transport
	t.Cleanup(func() { transport.CloseIdleConnections(); transport = before })
	transport = &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, address)
		return late{c}, err
	}}
	client := appmesh.New(appmesh.Options{
		Region: "us-east-1", BaseEndpoint: &s.URL, HTTPClient: Client{}, Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
	})
	made, err := client.CreateMesh(t.Context(), &appmesh.CreateMeshInput{MeshName: aws.String("shop")})
	if err != nil || aws.ToString(made.Mesh.MeshName) != "shop" {
		t.Errorf("got %+v, %v", made, err)
	}
}

const lateness = 50 * time.Millisecond

// late says long after it wrote that it did.
type late struct{ net.Conn }

func (l late) Write(b []byte) (int, error) {
	n, err := l.Conn.Write(b)
	time.Sleep(lateness)
	return n, err
}
