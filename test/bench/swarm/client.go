package swarm

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"net"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/protobuf/proto"
)

const (
	streamID   = 1
	bufferSize = 4 << 10
	// window is what the server may send without being told that it was read: more than any run sends, so that no
	// client ever has to.
	window = 1<<31 - 1
	// maxMessage bounds a response.
	maxMessage = 64 << 20
	path       = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"
)

// client is one connection with one stream. It has one goroutine, which reads, and answers what it read.
type client struct {
	swarm  *Swarm
	number int
	conn   net.Conn
	framer *http2.Framer

	partial []byte // of a message that came in several frames
	asked   int    // how many of Options.Types
	out     []byte // for the next request
}

// connect opens a connection and its stream, and asks for the first kind.
func connect(ctx context.Context, s *Swarm, number int) (*client, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", s.Addr)
	if err != nil {
		return nil, err
	}
	if s.TLS != nil {
		secure := tls.Client(conn, s.TLS)
		if err := secure.HandshakeContext(ctx); err != nil {
			conn.Close()
			return nil, err
		}
		conn = secure
	}
	c := &client{swarm: s, number: number, conn: conn}
	var opening bytes.Buffer
	opening.WriteString(http2.ClientPreface)
	c.framer = http2.NewFramer(&opening, nil)
	err = errors.Join(
		c.framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: window}),
		c.framer.WriteWindowUpdate(0, window-65535),
		c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: streamID, BlockFragment: s.headers(number), EndHeaders: true}),
	)
	c.framer = http2.NewFramer(conn, bufio.NewReaderSize(conn, bufferSize))
	c.framer.SetReuseFrames()
	c.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	if err == nil {
		_, err = conn.Write(opening.Bytes())
	}
	if err == nil {
		err = c.ask(Response{})
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return c, nil
}

// headers are those that the i-th client opens its stream with.
func (s *Swarm) headers(i int) []byte {
	var block bytes.Buffer
	e := hpack.NewEncoder(&block)
	fields := [][2]string{
		{":method", "POST"}, {":scheme", "http"}, {":path", path}, {":authority", s.Addr},
		{"content-type", "application/grpc"}, {"te", "trailers"},
	}
	if s.Token != nil && s.Token(i) != "" {
		fields = append(fields, [2]string{"authorization", "Bearer " + s.Token(i)})
	}
	for _, f := range fields {
		// A bytes.Buffer takes everything.
		_ = e.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]})
	}
	return block.Bytes()
}

// run reads until the stream ends, and says why. started is called when each kind has been answered.
func (c *client) run(started func()) error {
	for {
		frame, err := c.framer.ReadFrame()
		if err != nil {
			return fmt.Errorf("read: %w", err)
		}
		switch f := frame.(type) {
		case *http2.DataFrame:
			err = c.data(f.Data(), started)
		case *http2.SettingsFrame:
			if !f.IsAck() {
				err = c.framer.WriteSettingsAck()
			}
		case *http2.PingFrame:
			if !f.IsAck() {
				err = c.framer.WritePing(true, f.Data)
			}
		case *http2.MetaHeadersFrame:
			err = ending(f)
		case *http2.RSTStreamFrame:
			err = fmt.Errorf("the server reset the stream: %v", f.ErrCode)
		case *http2.GoAwayFrame:
			err = fmt.Errorf("the server closes the connection: %v %s", f.ErrCode, f.DebugData())
		}
		if err != nil {
			return err
		}
	}
}

// ending is the error that headers tell of; nil if they begin the stream.
func ending(f *http2.MetaHeadersFrame) error {
	if !f.StreamEnded() {
		return nil
	}
	status, message := "", ""
	for _, h := range f.Fields {
		switch h.Name {
		case "grpc-status":
			status = h.Value
		case "grpc-message":
			message = h.Value
		}
	}
	return fmt.Errorf("the server ended the stream with gRPC status %s: %s", status, message)
}

const prefix = 5 // of a gRPC message: a flag, and the length in four bytes

// data takes messages out of what came.
func (c *client) data(data []byte, started func()) error {
	if len(c.partial) > 0 {
		c.partial = append(c.partial, data...)
		data = c.partial
	}
	for len(data) >= prefix {
		size := int(binary.BigEndian.Uint32(data[1:prefix]))
		if size > maxMessage {
			return fmt.Errorf("a message of %d bytes", size)
		}
		if len(data) < prefix+size {
			break
		}
		if err := c.message(data[prefix:prefix+size], started); err != nil {
			return err
		}
		data = data[prefix+size:]
	}
	if len(data) == 0 {
		c.partial = nil
		return nil
	}
	c.partial = append([]byte(nil), data...)
	return nil
}

// message acknowledges a response, and asks for the next kind if it is the first answer for the last one.
func (c *client) message(raw []byte, started func()) error {
	r, err := parse(raw)
	if err != nil {
		return err
	}
	if err := c.send(r.ack(c.out[:0])); err != nil {
		return err
	}
	c.swarm.bytes.Add(int64(len(raw)))
	c.swarm.frames.Add(1)
	if w := c.swarm.waiting.Load(); w != nil && bytes.Contains(raw, w.marker) {
		w.arrived(c.number)
	}
	types := c.swarm.Types
	if c.asked > len(types) || r.Type != types[c.asked-1] {
		return nil
	}
	if c.asked == len(types) {
		c.asked++
		started()
		return nil
	}
	return c.ask(r)
}

// ask subscribes to the next kind.
func (c *client) ask(before Response) error {
	kind := c.swarm.Types[c.asked]
	names, err := c.swarm.Names(c.number, kind, before)
	if err != nil {
		return err
	}
	var node []byte
	if c.asked == 0 {
		if node, err = proto.Marshal(c.swarm.Node(c.number)); err != nil {
			return fmt.Errorf("spell the node: %w", err)
		}
	}
	c.asked++
	return c.send(subscribe(c.out[:0], node, kind, names))
}

// send writes a request, for which it makes c.out's room its own.
func (c *client) send(request []byte) error {
	c.out = request
	binary.BigEndian.PutUint32(request[1:prefix], uint32(len(request)-prefix))
	return c.framer.WriteData(streamID, false, request)
}
