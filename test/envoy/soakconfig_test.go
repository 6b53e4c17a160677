package envoy

import (
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"

	adminv3 "github.com/envoyproxy/go-control-plane/envoy/admin/v3"
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/compile"
	"github.com/ownmesh/ownmesh/core/envoy"
	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/test/machine"
)

// isAsCompiled compares what an Envoy has with what compiling the mesh from nothing gives, resource by resource. What
// overlaps is let go a moment later.
func (s *soak) isAsCompiled(one *sidecar) {
	s.t.Helper()
	want := s.compiled(one)
	if len(want) < 5 {
		s.t.Errorf("%s: only %d resources are compared", one.name, len(want))
	}
	machine.Eventually(s.t, one.name+" to have what compiling gives", func() string {
		return strings.Join(differences(want, one.configured()), "\n")
	})
}

func differences(want, got map[string]proto.Message) (all []string) {
	for name := range want {
		if _, ok := got[name]; !ok {
			all = append(all, "Envoy has no "+name)
		}
	}
	for name, m := range got {
		if _, ok := want[name]; !ok {
			all = append(all, "Envoy has "+name+", which compiling does not give")
		} else if d := cmp.Diff(want[name], m, protocmp.Transform()); d != "" {
			all = append(all, fmt.Sprintf("Envoy's %s is not what compiling gives (-compiled +Envoy's):\n%.2000s", name, d))
		}
	}
	return all
}

// compiled is what a sidecar should have, by type and name: from the resources as the API gives them, with the
// addresses that the sidecar was started with.
func (s *soak) compiled(one *sidecar) map[string]proto.Message {
	t := s.t
	t.Helper()
	state := compile.State{Resources: map[resource.Key]resource.Resource{}}
	for _, info := range resource.Kinds {
		refs, err := s.Refs(t.Context(), s.Mesh, info.Kind, "")
		if err != nil {
			t.Fatal(err)
		}
		for _, ref := range refs {
			o, err := s.Get(t.Context(), ref)
			if err != nil {
				t.Fatal(err)
			}
			r := resource.Resource{Key: ref.Key, Spec: o.Spec}
			switch {
			case ref.Kind != resource.KindMesh:
				state.Resources[ref.Key] = r
			case ref.Name == s.Mesh:
				state.Mesh = r
			}
		}
	}
	config := compile.Compile(compile.Options{Interception: resource.Explicit}, state).Config()
	out := map[string]proto.Message{}
	var unasked []string
	for _, id := range config.Proxies[artifact.ProxyKey(one.resource)].Explicit {
		r := config.Resources[id]
		var m proto.Message
		switch id.Type {
		case artifact.Cluster:
			m = &clusterv3.Cluster{}
		case artifact.Listener:
			m = &listenerv3.Listener{}
		case artifact.Route:
			m = &routev3.RouteConfiguration{}
		default:
			continue // secrets are compared by what they do
		}
		if err := proto.Unmarshal(r.Body, m); err != nil {
			t.Fatal(err)
		}
		if r.Fill != "" {
			given, ok := one.addresses[string(r.Fill)]
			if !ok {
				// A backend that came later: the sidecar was told of no address for it, so nobody asks for its routes.
				unasked = append(unasked, "route "+id.Name)
				continue
			}
			at := netip.MustParseAddrPort(given)
			switch m := m.(type) {
			case *clusterv3.Cluster:
				envoy.Fill(m, envoy.Address(at.Addr().String(), int(at.Port())))
			case *listenerv3.Listener:
				m.Address = envoy.Address(at.Addr().String(), int(at.Port()))
			}
		}
		out[string(id.Type)+" "+id.Name] = m
	}
	for _, name := range unasked {
		delete(out, name)
	}
	return out
}

// configured is what an Envoy has, by type and name.
func (s *sidecar) configured() map[string]proto.Message {
	t := s.m.t
	t.Helper()
	out := map[string]proto.Message{}
	add := func(kind artifact.Type, name func() string, any *anypb.Any, m proto.Message) {
		if err := any.UnmarshalTo(m); err != nil {
			t.Fatal(err)
		}
		out[string(kind)+" "+name()] = m
	}
	for _, resources := range []string{"dynamic_active_clusters", "dynamic_listeners", "dynamic_route_configs"} {
		for _, one := range s.dump(resources) {
			switch one := one.(type) {
			case *adminv3.ClustersConfigDump_DynamicCluster:
				c := &clusterv3.Cluster{}
				add(artifact.Cluster, c.GetName, one.Cluster, c)
			case *adminv3.ListenersConfigDump_DynamicListener:
				l := &listenerv3.Listener{}
				if one.ActiveState == nil {
					t.Errorf("%s: listener %s is not active", s.name, one.Name)
					continue
				}
				add(artifact.Listener, l.GetName, one.ActiveState.Listener, l)
			case *adminv3.RoutesConfigDump_DynamicRouteConfig:
				r := &routev3.RouteConfiguration{}
				add(artifact.Route, r.GetName, one.RouteConfig, r)
			}
		}
	}
	return out
}

func (s *sidecar) dump(resources string) []proto.Message {
	t := s.m.t
	t.Helper()
	res, err := s.client.Get("http://" + s.admin + "/config_dump?resource=" + resources)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", s.name, res.Status, err)
	}
	var dump adminv3.ConfigDump
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(body, &dump); err != nil {
		t.Fatalf("%s: read %s: %v", s.name, resources, err)
	}
	var out []proto.Message
	for _, any := range dump.Configs {
		m, err := any.UnmarshalNew()
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, m)
	}
	return out
}
