package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/internal/client"
)

// This file: how the command line names resources.

// parents are --router and --gateway.
type parents struct{ router, gateway string }

func (a *app) parentFlags(cmd *cobra.Command, p *parents) {
	cmd.Flags().StringVar(&p.router, "router", "", "virtual router of a route")
	cmd.Flags().StringVar(&p.gateway, "gateway", "", "virtual gateway of a gateway route")
	completeFlag(cmd, "router", a.namesOf(resource.KindVirtualRouter))
	completeFlag(cmd, "gateway", a.namesOf(resource.KindVirtualGateway))
}

// of is the parent that resources of this kind have, "" where none is named.
func (p *parents) of(info resource.Info) (string, error) {
	given := map[resource.Kind]string{resource.KindVirtualRouter: p.router, resource.KindVirtualGateway: p.gateway}
	for kind, name := range given {
		if name != "" && kind != info.Parent {
			return "", usage("a %s has no %s", info.Title, kind)
		}
	}
	return given[info.Parent], nil
}

func parseKind(s string) (resource.Info, error) {
	info, ok := resource.ParseKind(s)
	if !ok {
		return info, &failure{code: exitUsage, err: usage("unknown kind %q", s), hint: "it is one of " + strings.Join(kindNames(), ", ")}
	}
	return info, nil
}

func kindNames() []string {
	var all []string
	for _, i := range resource.Kinds {
		all = append(all, string(i.Kind))
	}
	return all
}

// key reads KIND NAME. A route's name may be router/route; names may hold slashes themselves, so that a parent
// given as a flag wins.
func key(info resource.Info, name string, p parents) (resource.Key, error) {
	parent, err := p.of(info)
	if err != nil {
		return resource.Key{}, err
	}
	k := resource.Key{Kind: info.Kind, Parent: parent, Name: name}
	if info.Parent != "" && parent == "" {
		var ok bool
		if k.Parent, k.Name, ok = strings.Cut(name, "/"); !ok {
			flag := "--router"
			if info.Parent == resource.KindVirtualGateway {
				flag = "--gateway"
			}
			return k, usage("the %s of %s %q is missing: write %s NAME, or the name as PARENT/%s", info.Parent, info.Kind, name, flag, name)
		}
	}
	if k.Name == "" {
		return k, usage("the name is empty")
	}
	return k, nil
}

// parseKey reads a resource as findings name it: virtualNode/cart, virtualRouter/cart/route/v2.
func parseKey(flag, s string) (resource.Key, error) {
	kind, name, _ := strings.Cut(s, "/")
	info, ok := resource.ParseKind(kind)
	if !ok || info.Parent != "" || name == "" {
		return resource.Key{}, usage("--%s %q must be KIND/NAME, such as virtualNode/cart or virtualRouter/cart/route/v2", flag, s)
	}
	for _, child := range resource.Kinds {
		if parent, n, ok := strings.Cut(name, "/"+string(child.Kind)+"/"); ok && child.Parent == info.Kind {
			return resource.Key{Kind: child.Kind, Parent: parent, Name: n}, nil
		}
	}
	return resource.Key{Kind: info.Kind, Name: name}, nil
}

// ref is KIND NAME in its mesh.
func (a *app) ref(ctx context.Context, c *client.Client, info resource.Info, name string, p parents) (client.Ref, error) {
	k, err := key(info, name, p)
	if err != nil {
		return client.Ref{}, err
	}
	if info.Kind == resource.KindMesh {
		return client.Ref{Mesh: name, Key: k}, nil
	}
	mesh, err := a.theMesh(ctx, c)
	return client.Ref{Mesh: mesh, Key: k}, err
}

// display is a name as the command line takes it back.
func display(k resource.Key) string {
	if k.Parent != "" {
		return k.Parent + "/" + k.Name
	}
	return k.Name
}
