package main

import (
	"context"
	"fmt"
)

// stay prints what to try and waits for Ctrl-C.
func stay(ctx context.Context, r *report, a *application) error {
	ownmesh := func(args string) string {
		line := a.programs.ownmesh + " " + args
		if a.mesh.endpoint != "http://127.0.0.1:9080" {
			line += " --endpoint " + a.mesh.endpoint
		}
		return line
	}
	fmt.Fprintf(r.out, `
%s
  curl -s %[2]s/orders/7                      # through all hops to Inventory v1
  curl -s %[2]s/v2/orders/7                   # by path to v2
  curl -s -H 'x-canary: yes' %[2]s/orders/7   # by header to v2

%s
  %s
  %s
  %s
  edit the weights in examples/ordering/mesh.yaml, then
  %s

%s
  AWS_ACCESS_KEY_ID=x AWS_SECRET_ACCESS_KEY=x aws appmesh list-routes --region us-east-1 \
    --endpoint-url %s --mesh-name %s --virtual-router-name inventory

`,
		bold("Requests"), a.gateway,
		bold("The mesh"), ownmesh("status "+meshName), ownmesh("get routes --mesh "+meshName), ownmesh("endpoints list"),
		ownmesh("apply -f examples/ordering/mesh.yaml"),
		bold("The same API by AWS's own client"), a.mesh.endpoint, meshName)
	fmt.Fprintln(r.out, bold("Envoys' own interfaces"))
	for _, w := range a.running {
		fmt.Fprintf(r.out, "  %-14s http://%s\n", w.name, w.admin)
	}
	fmt.Fprintf(r.out, "\n%s all of it; nothing stays but logs if something fails.\n", bold("Ctrl-C ends"))
	<-ctx.Done()
	return context.Cause(ctx)
}
