package main

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ownmesh/ownmesh/core/endpoint"
)

func (a *app) endpointsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "endpoints",
		GroupID: groupChange,
		Short:   "Register, deregister and list instances of services",
		Long: `Endpoints are the instances that virtual nodes with Cloud Map discovery are found by, where there
is no Cloud Map: on one machine. A service is named by its namespace and its name, as in the
virtual node's serviceDiscovery.awsCloudMap.`,
		Example: `  ownmesh endpoints register shop.local cart cart-1 --ip 127.0.0.1 --port 8080=20001
  ownmesh endpoints list shop.local
  ownmesh endpoints deregister shop.local cart cart-1`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.registerCommand(), a.deregisterCommand(), a.listEndpointsCommand())
	return cmd
}

type registerFlags struct {
	ips        []string
	ports      []string
	attributes []string
	zone       string
	unhealthy  bool
}

func (a *app) registerCommand() *cobra.Command {
	var f registerFlags
	cmd := &cobra.Command{
		Use:   "register NAMESPACE SERVICE ID",
		Short: "Register an instance, or replace it",
		Example: `  ownmesh endpoints register shop.local cart cart-1 --ip 127.0.0.1 --port 8080=20001
  ownmesh endpoints register shop.local cart cart-2 --ip 10.0.0.7 --attribute version=2 --zone use1-az1`,
		Args:              cobra.ExactArgs(3),
		ValidArgsFunction: a.completeInstance,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkNames(args); err != nil {
				return err
			}
			i, err := f.instance(args)
			if err != nil {
				return err
			}
			return a.register(cmd.Context(), i)
		},
	}
	cmd.Flags().StringArrayVar(&f.ips, "ip", nil, "the instance's address, IPv4 or IPv6; one of each is possible")
	cmd.Flags().StringArrayVar(&f.ports, "port", nil, "`LISTENER=PORT`: where the node's listener port really is, if elsewhere; repeatable")
	cmd.Flags().StringArrayVar(&f.attributes, "attribute", nil, "`KEY=VALUE`; repeatable")
	cmd.Flags().StringVar(&f.zone, "zone", "", "availability zone")
	cmd.Flags().BoolVar(&f.unhealthy, "unhealthy", false, "gets no traffic")
	if err := cmd.MarkFlagRequired("ip"); err != nil {
		panic(err) // the flag's name is misspelt
	}
	return cmd
}

// checkNames refuses empty names, as of a shell's variable that is not set.
func checkNames(args []string) error {
	for i, what := range []string{"NAMESPACE", "SERVICE", "ID"} {
		if args[i] == "" {
			return usage("%s is empty", what)
		}
	}
	return nil
}

// instance reads what the server can't tell apart from the flags' spelling; the rest it checks itself.
func (f registerFlags) instance(args []string) (endpoint.Instance, error) {
	i := endpoint.Instance{Namespace: args[0], Service: args[1], ID: args[2], Zone: f.zone, Unhealthy: f.unhealthy}
	for _, s := range f.ips {
		ip, err := netip.ParseAddr(s)
		switch {
		case err != nil:
			return i, usage("--ip %q must be an IP address", s)
		case ip.Is4() && i.IPv4 == "":
			i.IPv4 = ip.String()
		case ip.Is6() && i.IPv6 == "":
			i.IPv6 = ip.String()
		default:
			return i, usage("--ip %s is the second of its family", s)
		}
	}
	for _, s := range f.ports {
		from, to, _ := strings.Cut(s, "=")
		listener, err1 := strconv.ParseUint(from, 10, 16)
		port, err2 := strconv.ParseUint(to, 10, 16)
		if err1 != nil || err2 != nil {
			return i, usage("--port %q must be LISTENER=PORT, such as 8080=20001", s)
		}
		if i.Ports == nil {
			i.Ports = map[int]int{}
		}
		i.Ports[int(listener)] = int(port)
	}
	for _, s := range f.attributes {
		k, v, ok := strings.Cut(s, "=")
		if !ok || k == "" {
			return i, usage("--attribute %q must be KEY=VALUE", s)
		}
		if i.Attributes == nil {
			i.Attributes = map[string]string{}
		}
		i.Attributes[k] = v
	}
	return i, nil
}

func (a *app) register(ctx context.Context, i endpoint.Instance) error {
	c, err := a.api()
	if err != nil {
		return err
	}
	defer c.Close()
	made, err := c.Register(ctx, i)
	if err != nil {
		return err
	}
	return a.showInstances([]endpoint.Instance{made}, "")
}

func (a *app) deregisterCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "deregister NAMESPACE SERVICE ID",
		Short:             "Remove an instance",
		Example:           `  ownmesh endpoints deregister shop.local cart cart-1`,
		Args:              cobra.ExactArgs(3),
		ValidArgsFunction: a.completeInstance,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkNames(args); err != nil {
				return err
			}
			c, err := a.api()
			if err != nil {
				return err
			}
			defer c.Close()
			k := endpoint.InstanceKey{ServiceKey: endpoint.ServiceKey{Namespace: args[0], Service: args[1]}, ID: args[2]}
			if err := c.Deregister(cmd.Context(), k); err != nil {
				return err
			}
			return a.screen.Show(k, func() error {
				a.screen.Printf("%s of %s in %s is deregistered\n", k.ID, k.Service, k.Namespace)
				return nil
			})
		},
	}
}

func (a *app) listEndpointsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list [NAMESPACE [SERVICE]]",
		Short: "List registered instances",
		Example: `  ownmesh endpoints list
  ownmesh endpoints list shop.local cart -o json`,
		Args:              cobra.MaximumNArgs(2),
		ValidArgsFunction: a.completeInstance,
		RunE: func(cmd *cobra.Command, args []string) error {
			args = append(args, "", "")
			c, err := a.api()
			if err != nil {
				return err
			}
			defer c.Close()
			list, err := c.Instances(cmd.Context(), endpoint.ServiceKey{Namespace: args[0], Service: args[1]})
			if err != nil {
				return err
			}
			of := ""
			if args[0] != "" {
				of = " in namespace " + args[0]
			}
			if args[1] != "" {
				of = " for service " + args[1] + of
			}
			return a.showInstances(list, of)
		},
	}
}

// showInstances shows instances; of says which were asked for.
func (a *app) showInstances(list []endpoint.Instance, of string) error {
	if list == nil {
		list = []endpoint.Instance{}
	}
	return a.screen.Show(map[string]any{"instances": list}, func() error {
		if len(list) == 0 {
			a.screen.Note("no instance is registered%s", of)
			return nil
		}
		var rows [][]string
		for _, i := range list {
			health := "healthy"
			if i.Unhealthy {
				health = "unhealthy"
			}
			addresses := strings.Join(slices.DeleteFunc([]string{i.IPv4, i.IPv6}, func(s string) bool { return s == "" }), ", ")
			rows = append(rows, []string{i.Namespace, i.Service, i.ID, addresses, pairs(i.Ports), pairs(i.Attributes), i.Zone, health})
		}
		return a.screen.Table([]string{"namespace", "service", "id", "address", "ports", "attributes", "zone", "health"}, rows)
	})
}

// pairs is a map as the flags take it.
func pairs[K int | string, V any](m map[K]V) string {
	var all []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		all = append(all, fmt.Sprintf("%v=%v", k, m[k]))
	}
	return strings.Join(all, " ")
}
