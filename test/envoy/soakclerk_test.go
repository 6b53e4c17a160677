package envoy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// This file: clerks, who call Prices by gRPC and Ledger by tcp all the time.

const pricesWatch, pricesAsk = "/shop.Prices/Watch", "/shop.Prices/Ask"

// clerks go on until the load is stopped.
func (s *soak) clerks(l *load) {
	clerk := func(what string, once func() error) { l.repeat(what, s.began, once) }
	// One connection has all sorts of calls on it, as applications have; others come and go.
	steady := s.clerk.callsGRPC(s.wires[0].address())
	clerk("a call", func() error { return steady.ask() })
	clerk("a stream", func() error { return steady.watch(l.stopped, longest) })
	clerk("a long stream", func() error { return steady.watch(l.stopped, 0) })
	clerk("a call on a connection of its own", func() error {
		c, err := s.clerk.dialGRPC(s.wires[0].address())
		if err != nil {
			return err
		}
		defer c.conn.Close()
		return errors.Join(c.ask(), c.ask())
	})
	for range 4 {
		clerk("a connection", func() error { return s.clerk.book(s.wires[1].address(), time.Second) })
	}
}

// repeat does it again and again until the load is stopped.
func (l *load) repeat(what string, start time.Time, once func() error) {
	l.again(func() {
		began := time.Since(start).Round(time.Millisecond)
		err := once()
		where := what
		if err != nil {
			where = err.Error()
		}
		l.noted(where, err == nil, fmt.Sprintf("%s after %v until %v", what, began, time.Since(start).Round(time.Millisecond)))
	})
}

// longest is how long a stream lives at least that begins while a listener is replaced.
const longest = loadDrain * time.Second * 2 / 3

// wasCut says whether a stream ended since a connection below it did: the caller's own, or one of the Envoys' between.
func wasCut(err error) bool {
	return status.Code(err) == codes.Unavailable || status.Code(err) == codes.Internal && strings.Contains(err.Error(), "RST_STREAM")
}

func asClerk(ctx context.Context) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "x-clerk", "yes")
}

// ask is a call.
func (c *grpcCaller) ask() error {
	ctx, cancel := context.WithTimeout(asClerk(context.Background()), 15*time.Second)
	defer cancel()
	var answer wrapperspb.StringValue
	if err := c.conn.Invoke(ctx, pricesAsk, wrapperspb.String("tea"), &answer); err != nil {
		return err
	}
	if answer.Value != "TEA" {
		return fmt.Errorf("the price of TEA came as %q", answer.Value)
	}
	return nil
}

// watch is a stream on which messages go both ways until it has lived so long (0: for ever), or until its connection is
// asked to close (GOAWAY): then it ends as agreed, with nothing lost. Only who lives for ever may be cut, when a listener that
// is replaced is gone for good: Envoy says GOAWAY to its neighbour alone, and says it with an answer, so that a stream may
// begin on such a connection, as long as no call of the others has been answered on it. Calls are many.
func (c *grpcCaller) watch(stopped <-chan struct{}, lives time.Duration) error {
	ctx, cancel := context.WithCancel(asClerk(context.Background()))
	defer cancel()
	patience := time.AfterFunc(15*time.Second, cancel)
	defer patience.Stop()
	began := time.Now()
	stream, err := c.conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, pricesWatch)
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	leaving := make(chan struct{})
	go func() {
		if c.conn.WaitForStateChange(ctx, connectivity.Ready) {
			close(leaving)
		}
	}()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for n := 0; ; n++ {
		patience.Reset(15 * time.Second)
		err := exchange(stream, fmt.Sprintf("tea %d", n), fmt.Sprintf("TEA %d", n))
		age := time.Since(began)
		switch {
		case err != nil && lives == 0 && age >= longest && wasCut(err):
			return nil
		case err != nil:
			return fmt.Errorf("message %d, after %v: %w", n, age.Round(time.Millisecond), err)
		case lives > 0 && age > lives:
			return finish(stream)
		}
		select {
		case <-stopped:
			return finish(stream)
		case <-leaving:
			return finish(stream)
		case <-tick.C:
		}
	}
}

func exchange(stream grpc.ClientStream, say, hear string) error {
	// What ends a stream is told by the receiving side: sending knows no more than EOF.
	if err := stream.SendMsg(wrapperspb.String(say)); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	var got wrapperspb.StringValue
	if err := stream.RecvMsg(&got); err != nil {
		return err
	}
	if got.Value != hear {
		return fmt.Errorf("got %q, want %q", got.Value, hear)
	}
	return nil
}

// finish ends a stream, which its server says to have heard.
func finish(stream grpc.ClientStream) error {
	if err := stream.CloseSend(); err != nil {
		return fmt.Errorf("close: %w", err)
	}
	if err := stream.RecvMsg(new(wrapperspb.StringValue)); !errors.Is(err, io.EOF) {
		return fmt.Errorf("the end is %w", err)
	}
	return nil
}

// book is a connection on which lines come back for so long, until both sides have closed it.
func (s *sidecar) book(service string, lives time.Duration) error {
	began := time.Now()
	raw, err := s.dial(context.Background(), "tcp", service)
	if err != nil {
		return err
	}
	defer raw.Close()
	if err := raw.SetDeadline(began.Add(lives + 15*time.Second)); err != nil {
		return err
	}
	for n := 0; time.Since(began) < lives; n++ {
		line := fmt.Sprintf("entry %d\n", n)
		if _, err := io.WriteString(raw, line); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		got := make([]byte, len(line))
		if _, err := io.ReadFull(raw, got); err != nil || string(got) != line {
			return fmt.Errorf("line %d, after %v: got %q, %w", n, time.Since(began).Round(time.Millisecond), got, err)
		}
		time.Sleep(min(50*time.Millisecond, lives/10))
	}
	if err := raw.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		return err
	}
	if rest, err := io.ReadAll(raw); err != nil || len(rest) > 0 {
		return fmt.Errorf("the end is %q, %w", rest, err)
	}
	return nil
}
