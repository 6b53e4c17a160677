package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

func grpcCommand() *cobra.Command {
	var b behaviour
	cmd := &cobra.Command{
		Use: "grpc", Short: "Serve gRPC's standard health service", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return serveGRPC(cmd.Context(), b) },
	}
	b.flags(cmd)
	return cmd
}

func serveGRPC(ctx context.Context, b behaviour) error {
	l, err := listen()
	if err != nil {
		return err
	}
	var calls atomic.Int64
	s := grpc.NewServer(grpc.UnaryInterceptor(func(ctx context.Context, in any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		if b.failEvery > 0 && calls.Add(1)%int64(b.failEvery) == 0 {
			return nil, status.Errorf(codes.Unavailable, "%s is busy", b.name)
		}
		return next(ctx, in)
	}))
	grpc_health_v1.RegisterHealthServer(s, health.NewServer())
	defer context.AfterFunc(ctx, s.Stop)()
	return s.Serve(l)
}

func grpcCallCommand() *cobra.Command {
	return &cobra.Command{
		Use: "grpc-call ADDRESS", Short: "Ask a gRPC server for its health, and print the status", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := grpc.NewClient(args[0], grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDisableRetry())
			if err != nil {
				return err
			}
			defer func() { _ = c.Close() }()
			ctx, cancel := context.WithTimeout(cmd.Context(), 10*time.Second)
			defer cancel()
			_, err = grpc_health_v1.NewHealthClient(c).Check(ctx, &grpc_health_v1.HealthCheckRequest{}, grpc.WaitForReady(true))
			fmt.Println(status.Code(err))
			return nil
		},
	}
}
