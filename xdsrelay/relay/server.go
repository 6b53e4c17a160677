package relay

import (
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"
)

// ServerOptions are what a gRPC server for a Relay must be made with: its codec, and limits.
//
// Windows are static: measuring the bandwidth of each connection costs 40 % of a fan-out. Buffers are small or
// shared: a connection is one Envoy, which is silent most of the time. Connections get old, so that Envoys spread over
// relays; a stream is ended by the relay itself a little later (Options.MaxStreamAge), with status 0 instead of a
// broken connection.
func ServerOptions() []grpc.ServerOption {
	const (
		streamWindow = 256 << 10
		maxRequest   = 4 << 20  // bytes; a first request names what Envoy has
		maxResponse  = 64 << 20 // bytes; one resource may exceed what a response is packed to
	)
	return []grpc.ServerOption{
		grpc.ForceServerCodecV2(newCodec()),
		grpc.StaticStreamWindowSize(streamWindow),
		grpc.StaticConnWindowSize(2 * streamWindow),
		grpc.SharedWriteBuffer(true),
		grpc.ReadBufferSize(4 << 10),
		grpc.MaxConcurrentStreams(100),
		grpc.MaxRecvMsgSize(maxRequest),
		grpc.MaxSendMsgSize(maxResponse),
		grpc.MaxHeaderListSize(16 << 10),
		grpc.ConnectionTimeout(20 * time.Second),
		grpc.KeepaliveParams(keepalive.ServerParameters{
			Time: 30 * time.Second, Timeout: 20 * time.Second,
			MaxConnectionIdle: 5 * time.Minute, // without a stream
			MaxConnectionAge:  30 * time.Minute, MaxConnectionAgeGrace: 15 * time.Minute,
		}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 5 * time.Second, PermitWithoutStream: true}),
	}
}
