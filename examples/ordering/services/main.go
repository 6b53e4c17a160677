// Command services is the ordering application: UI calls Order, Order calls Inventory. They are plain HTTP services;
// none of them knows that there is a mesh: each calls the address that its environment gives it, and an Envoy
// listens there.
//
// Usage: services ui|order|inventory. A service is a file here. The environment configures it:
//
//	LISTEN         where it listens, 127.0.0.1:8080 without
//	VERSION        what it says of itself: v1 without
//	ORDER_URL      where the UI calls Order
//	INVENTORY_URL  where Order calls Inventory
//	FAIL_EVERY     Inventory: fail each so-many-th request; 0, as without, none
//
// Nothing is kept: no data, no log but for errors. Start reading at ui.go.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// services makes each service's handler from the environment.
var services = map[string]func(version string) (http.Handler, error){
	"ui":        func(version string) (http.Handler, error) { return ui(version, os.Getenv("ORDER_URL")), nil },
	"order":     func(version string) (http.Handler, error) { return order(version, os.Getenv("INVENTORY_URL")), nil },
	"inventory": func(version string) (http.Handler, error) { return inventory(version, os.Getenv("FAIL_EVERY")) },
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends, and then lets requests finish.
func run(ctx context.Context, args []string) error {
	if len(args) != 1 || services[args[0]] == nil {
		return errors.New("usage: services ui|order|inventory")
	}
	handler, err := services[args[0]](cmp.Or(os.Getenv("VERSION"), "v1"))
	if err != nil {
		return err
	}
	server := &http.Server{Addr: cmp.Or(os.Getenv("LISTEN"), "127.0.0.1:8080"), Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.ListenAndServe() }()
	select {
	case err := <-served:
		return fmt.Errorf("serve %s: %w", args[0], err)
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return server.Shutdown(drain)
}
