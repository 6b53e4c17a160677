package aws_test

import (
	"context"
	"encoding/json"
	"net/url"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/appmesh"
	"github.com/aws/aws-sdk-go-v2/service/appmesh/types"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/compile"
	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/internal/emulator"
	"github.com/ownmesh/ownmesh/test/aws/installation"
)

// operator is a user of the policy that the stack makes for people who change meshes.
func operator(t *testing.T, i *installation.Installation) (installation.Identity, *appmesh.Client) {
	t.Helper()
	u := i.User(t, "Operators")
	return u, i.AppMesh(u)
}

// mesh makes a mesh, and gives its name and uid.
func mesh(t *testing.T, c *appmesh.Client) (name, uid string) {
	t.Helper()
	name = emulator.Name(t)
	out, err := c.CreateMesh(t.Context(), &appmesh.CreateMeshInput{MeshName: &name})
	if err != nil {
		t.Fatal(err)
	}
	return name, *out.Mesh.Metadata.Uid
}

// node makes a virtual node that names the service cart in Cloud Map.
func node(t *testing.T, c *appmesh.Client, mesh, name string) {
	t.Helper()
	_, err := c.CreateVirtualNode(t.Context(), &appmesh.CreateVirtualNodeInput{
		MeshName: &mesh, VirtualNodeName: &name, Spec: &types.VirtualNodeSpec{
			Listeners: []types.Listener{{PortMapping: &types.PortMapping{Port: aws.Int32(8080), Protocol: types.PortProtocolHttp}}},
			ServiceDiscovery: &types.ServiceDiscoveryMemberAwsCloudMap{Value: types.AwsCloudMapServiceDiscovery{
				NamespaceName: aws.String("shop.local"), ServiceName: aws.String("cart"),
			}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// offline compiles what the table holds of a mesh.
func offline(t *testing.T, i *installation.Installation, uid string) *artifact.Config {
	t.Helper()
	s := meshes(i)
	m, err := s.MeshByUID(t.Context(), uid)
	if err != nil {
		t.Fatal(err)
	}
	state := compile.State{Mesh: m.Resource, Generation: m.Generation, Deleted: m.Deleted, Resources: map[resource.Key]resource.Resource{}}
	page, _, err := s.Page(t.Context(), uid, "", 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range page {
		state.Resources[r.Key] = r
	}
	return compile.Compile(compile.Options{Interception: resource.Transparent, Partition: "aws"}, state).Config()
}

// TestACommitReachesTheConfigLog: what the log says is what is compiled offline, and the journal knows who did it.
func TestACommitReachesTheConfigLog(t *testing.T) {
	t.Parallel()
	i := installation.Get(t)
	who, c := operator(t, i)
	name, uid := mesh(t, c)
	node(t, c, name, "cart")
	state := configLog(t, i, uid, 2)
	if d := artifact.Diff(offline(t, i, uid), state); !d.Empty() {
		t.Errorf("the log differs from what is compiled offline: %+v", d)
	}
	if journal, err := i.As(t, who).Journal(t.Context(), name, 0, 10); err != nil || len(journal) != 2 || journal[1].Caller != who.ARN {
		t.Errorf("the journal says %+v, %v, want the caller %s", journal, err, who.ARN)
	}
}

// cart is the service that nodes name.
var cart = endpoint.ServiceKey{Namespace: "shop.local", Service: "cart"}

func TestInstancesReachTheEndpointsLog(t *testing.T) {
	t.Parallel()
	i := installation.Get(t)
	who, c := operator(t, i)
	name, uid := mesh(t, c)
	node(t, c, name, "cart")
	configLog(t, i, uid, 2)
	id := emulator.Name(t)
	user := i.As(t, who)
	if _, err := user.Register(t.Context(), endpoint.Instance{Namespace: cart.Namespace, Service: cart.Service, ID: id, IPv4: "10.0.0.7"}); err != nil {
		t.Fatal(err)
	}
	if got := instancesLog(t, i, uid, cart, 1)[id]; got.IPv4 != "10.0.0.7" {
		t.Errorf("the log says %+v", got)
	}
	if err := user.Deregister(t.Context(), endpoint.InstanceKey{ServiceKey: cart, ID: id}); err != nil {
		t.Fatal(err)
	}
	instancesLog(t, i, uid, cart, 0)
}

// A task's rights end at its own proxy's paths, however they are encoded.
func TestPermissionsReachDownToThePath(t *testing.T) {
	t.Parallel()
	i := installation.Get(t)
	_, c := operator(t, i)
	name, _ := mesh(t, c)
	other, _ := mesh(t, c)
	task := i.Task(t, name, "virtualNode/cart")
	for path, want := range map[string]int{
		"/v1/meshes/" + name + "/proxies/virtualNode/cart/addresses":              404, // it may ask, and there is no such node
		"/v1/meshes/" + name + "/proxies/virtualNode/order/addresses":             403,
		"/v1/meshes/" + other + "/proxies/virtualNode/cart/addresses":             403,
		"/v1/meshes/%74" + other[1:] + "/proxies/virtualNode/cart/addresses":      403,
		"/v1/meshes/" + name + "/proxies/virtualNode/cart%2F..%2Forder/addresses": 403,
		"/v20190125/meshes/" + name:                                               403,
	} {
		if got, answer := i.Call(t, task, "GET", path, ""); got != want {
			t.Errorf("%s: %d, want %d: %s", path, got, want, answer)
		}
	}
}

// TestNamesArriveAsTheyWereSent: those that must be encoded in a path. The emulator decodes paths before the Lambda sees them, which a REST
// API in AWS does not: so a name with an encoded slash can't be tried here.
func TestNamesArriveAsTheyWereSent(t *testing.T) {
	t.Parallel()
	i := installation.Get(t)
	who, c := operator(t, i)
	name, _ := mesh(t, c)
	for _, service := range []string{"ä ö.local", "a+b.local", "x?y#z", "*.shop.local:8080", "50%", "a&b=c"} {
		body, err := json.Marshal(map[string]any{"virtualServiceName": service, "spec": map[string]any{}})
		if err != nil {
			t.Fatal(err)
		}
		if status, answer := i.Call(t, who, "PUT", "/v20190125/meshes/"+name+"/virtualServices", string(body)); status != 200 {
			t.Errorf("create %q: %d %s", service, status, answer)
		}
		var got struct{ VirtualServiceName string }
		_, answer := i.Call(t, who, "GET", "/v20190125/meshes/"+name+"/virtualServices/"+url.PathEscape(service), "")
		if err := json.Unmarshal([]byte(answer), &got); err != nil || got.VirtualServiceName != service {
			t.Errorf("asked for %q, got %s", service, answer)
		}
		out, err := c.DescribeVirtualService(context.Background(), &appmesh.DescribeVirtualServiceInput{MeshName: &name, VirtualServiceName: &service})
		if err != nil || *out.VirtualService.VirtualServiceName != service {
			t.Errorf("the SDK asked for %q: %v", service, err)
		}
	}
}

// TestADeletedMeshsLogEnds: both logs get a tombstone.
func TestADeletedMeshsLogEnds(t *testing.T) {
	t.Parallel()
	i := installation.Get(t)
	_, c := operator(t, i)
	name, uid := mesh(t, c)
	configLog(t, i, uid, 1)
	if _, err := c.DeleteMesh(t.Context(), &appmesh.DeleteMeshInput{MeshName: &name}); err != nil {
		t.Fatal(err)
	}
	if state := configLog(t, i, uid, 2); !state.Deleted {
		t.Error("the config log does not say that the mesh is gone")
	}
}
