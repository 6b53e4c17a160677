package main

import (
	"context"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/internal/client"
)

// This file: what a shell offers at the tab key. Names come from the server; where it doesn't answer at once, nothing is
// offered.

const completionTimeout = time.Second

// completeKindName completes KIND, then NAME from the server.
func (a *app) completeKindName(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	switch len(args) {
	case 0:
		return completions(kindNames()), cobra.ShellCompDirectiveNoFileComp
	case 1:
		return a.completeNames(cmd.Context(), args[0]), cobra.ShellCompDirectiveNoFileComp
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}

// completeMesh completes MESH, the only argument.
func (a *app) completeMesh(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.completeNames(cmd.Context(), string(resource.KindMesh)), cobra.ShellCompDirectiveNoFileComp
}

// completeNames offers nothing where the server doesn't answer at once.
func (a *app) completeNames(ctx context.Context, kind string) []cobra.Completion {
	info, ok := resource.ParseKind(kind)
	if !ok {
		return nil
	}
	var all []string
	for _, r := range a.refs(ctx, info.Kind) {
		all = append(all, display(r.Key))
	}
	return completions(all)
}

// refs are the server's resources of some kinds, in the mesh that is meant.
func (a *app) refs(ctx context.Context, kinds ...resource.Kind) []client.Ref {
	c, err := a.api()
	if err != nil {
		return nil
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(ctx, completionTimeout)
	defer cancel()
	mesh := ""
	if !slices.Contains(kinds, resource.KindMesh) {
		if mesh, err = a.theMesh(ctx, c); err != nil {
			return nil
		}
	}
	var all []client.Ref
	for _, kind := range kinds {
		refs, err := c.Refs(ctx, mesh, kind, "")
		if err != nil {
			return nil
		}
		all = append(all, refs...)
	}
	return all
}

// completeFlag has a flag's values completed.
func completeFlag(cmd *cobra.Command, flag string, complete cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(flag, complete); err != nil {
		panic(err) // the flag's name is misspelt
	}
}

// words offers the same words always.
func words(all ...string) cobra.CompletionFunc {
	return cobra.FixedCompletions(completions(all), cobra.ShellCompDirectiveNoFileComp)
}

// namesOf offers the names of a kind.
func (a *app) namesOf(kind resource.Kind) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return a.completeNames(cmd.Context(), string(kind)), cobra.ShellCompDirectiveNoFileComp
	}
}

// keysOf offers resources as findings name them, virtualNode/cart.
func (a *app) keysOf(kinds ...resource.Kind) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		var all []string
		for _, r := range a.refs(cmd.Context(), kinds...) {
			all = append(all, r.Key.String())
		}
		return completions(all), cobra.ShellCompDirectiveNoFileComp
	}
}

// completeProxies offers what bootstrap takes: mesh/shop/virtualNode/cart.
func (a *app) completeProxies(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var all []string
	for _, r := range a.refs(cmd.Context(), resource.KindVirtualNode, resource.KindVirtualGateway) {
		all = append(all, "mesh/"+r.Mesh+"/"+r.Key.String())
	}
	return completions(all), cobra.ShellCompDirectiveNoFileComp
}

// completeInstance completes NAMESPACE, SERVICE and ID of instances that are registered.
func (a *app) completeInstance(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	c, err := a.api()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(cmd.Context(), completionTimeout)
	defer cancel()
	list, err := c.Instances(ctx, endpoint.ServiceKey{})
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var all []string
	for _, i := range list {
		path := []string{i.Namespace, i.Service, i.ID}
		if len(args) < len(path) && slices.Equal(path[:len(args)], args) {
			all = append(all, path[len(args)])
		}
	}
	slices.Sort(all)
	return completions(slices.Compact(all)), cobra.ShellCompDirectiveNoFileComp
}

func completions(words []string) []cobra.Completion { return words }
