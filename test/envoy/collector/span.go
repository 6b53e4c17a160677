package collector

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"

	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"
)

// Span is one hop of a trace, whichever tracer told of it.
type Span struct {
	Trace, ID, Parent string // Parent is "" where a trace begins
	Service           string
	Node              string // X-Ray: aws.app_mesh, as mesh/node
}

// Chain is the trace of the span that begins with the first that has no parent: who called whom. It says what is
// missing or branches instead, if anything.
func Chain(spans []Span) (chain []Span, instead string) {
	parent := ""
	for {
		var next []Span
		for _, s := range spans {
			if s.Parent == parent {
				next = append(next, s)
			}
		}
		switch {
		case len(next) > 1:
			return nil, fmt.Sprintf("%d spans have the parent %q: %+v", len(next), parent, spans)
		case len(next) == 0 && len(chain) < len(spans):
			return nil, fmt.Sprintf("the chain ends after %d of %d spans: %+v", len(chain), len(spans), spans)
		case len(next) == 0:
			return chain, ""
		case next[0].Trace != spans[0].Trace:
			return nil, fmt.Sprintf("not one trace: %+v", spans)
		}
		chain = append(chain, next[0])
		parent = next[0].ID
	}
}

// Segments are what X-Ray's daemon would have received: {"format": …} on a line, then the segment.
func (d *Datagrams) Segments() ([]Span, error) {
	var spans []Span
	for _, datagram := range d.All() {
		header, body, ok := strings.Cut(datagram, "\n")
		if !ok || !strings.Contains(header, `"format"`) {
			return nil, fmt.Errorf("%q is no segment", datagram)
		}
		var s struct {
			Name   string
			ID     string
			Trace  string `json:"trace_id"`
			Parent string `json:"parent_id"`
			Origin string
			AWS    struct {
				AppMesh struct {
					Mesh string `json:"mesh_name"`
					Node string `json:"virtual_node_name"`
				} `json:"app_mesh"`
			}
		}
		if err := json.Unmarshal([]byte(body), &s); err != nil {
			return nil, fmt.Errorf("segment %q: %w", body, err)
		}
		if s.Origin != "AWS::AppMesh::Proxy" {
			return nil, fmt.Errorf("segment %q has the origin %q", body, s.Origin)
		}
		spans = append(spans, Span{s.Trace, s.ID, s.Parent, s.Name, s.AWS.AppMesh.Mesh + "/" + s.AWS.AppMesh.Node})
	}
	return spans, nil
}

// Traces are the spans that have come to an address.
type Traces struct {
	Address string // 127.0.0.1:port

	mu   sync.Mutex
	came []Span
}

// OTLP receives spans by gRPC on a free port.
func OTLP(tb testing.TB) *Traces {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	t := &Traces{Address: l.Addr().String()}
	g := grpc.NewServer()
	g.RegisterService(&grpc.ServiceDesc{
		ServiceName: "opentelemetry.proto.collector.trace.v1.TraceService",
		HandlerType: (*any)(nil),
		Methods:     []grpc.MethodDesc{{MethodName: "Export", Handler: export}},
	}, t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = g.Serve(l) // until it is stopped
	}()
	tb.Cleanup(func() {
		g.Stop()
		<-done
	})
	return t
}

// export is the one call of the service. Its messages are on the wire like these two, for which no generated server,
// and so no HTTP gateway, is needed.
func export(server any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	var data tracev1.TracesData
	if err := decode(&data); err != nil {
		return nil, err
	}
	server.(*Traces).add(&data)
	return &emptypb.Empty{}, nil
}

func (t *Traces) add(data *tracev1.TracesData) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, resource := range data.GetResourceSpans() {
		for _, scope := range resource.GetScopeSpans() {
			for _, s := range scope.GetSpans() {
				t.came = append(t.came, Span{
					Trace: hex.EncodeToString(s.GetTraceId()), ID: hex.EncodeToString(s.GetSpanId()),
					Parent: hex.EncodeToString(s.GetParentSpanId()), Service: service(resource),
				})
			}
		}
	}
}

func service(r *tracev1.ResourceSpans) string {
	for _, a := range r.GetResource().GetAttributes() {
		if a.GetKey() == "service.name" {
			return a.GetValue().GetStringValue()
		}
	}
	return ""
}

// Spans are those that have come so far.
func (t *Traces) Spans() []Span {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]Span(nil), t.came...)
}
