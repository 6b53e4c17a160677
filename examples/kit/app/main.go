// Command app is the application in the examples: a server that says its name and what it was asked, and can be slow or
// fail at will; by HTTP or gRPC. It also calls gRPC, and makes certificates, so that the examples need no other program.
//
//	app serve --name v1 [--delay 1s] [--fail-every 2]      prints "listening on ADDRESS"
//	app grpc  --name v1 [--fail-every 2]                   the standard health service; failing is UNAVAILABLE
//	app grpc-call ADDRESS                                  prints the status of a health check: OK, UNAVAILABLE …
//	app certificates DIR NAME...                           DIR/ca.pem, and DIR/NAME.pem and NAME.key signed by it
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := &cobra.Command{Use: "app", Short: "The application in the examples", SilenceUsage: true}
	root.AddCommand(serveCommand(), grpcCommand(), grpcCallCommand(), certificatesCommand())
	if err := root.ExecuteContext(ctx); err != nil {
		os.Exit(1)
	}
}

// behaviour is how a server is to answer.
type behaviour struct {
	name      string
	delay     time.Duration
	failEvery int
}

func (b *behaviour) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&b.name, "name", "app", "how it calls itself in answers")
	cmd.Flags().DurationVar(&b.delay, "delay", 0, "how long it takes to answer")
	cmd.Flags().IntVar(&b.failEvery, "fail-every", 0, "fail each request whose number this divides; 0: none")
}

// listen says where the server listens, as the examples' scripts expect it.
func listen() (net.Listener, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err == nil {
		fmt.Println("listening on", l.Addr())
	}
	return l, err
}

func serveCommand() *cobra.Command {
	var b behaviour
	cmd := &cobra.Command{
		Use: "serve", Short: "Answer by HTTP/1.1 and HTTP/2", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return serve(cmd.Context(), b) },
	}
	b.flags(cmd)
	return cmd
}

func serve(ctx context.Context, b behaviour) error {
	l, err := listen()
	if err != nil {
		return err
	}
	s := &http.Server{Handler: b.handler(), Protocols: new(http.Protocols), ReadHeaderTimeout: 10 * time.Second}
	s.Protocols.SetHTTP1(true)
	s.Protocols.SetUnencryptedHTTP2(true)
	defer context.AfterFunc(ctx, func() { _ = s.Close() })()
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
