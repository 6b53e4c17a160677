package compile

import (
	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/compile/version"
	"github.com/ownmesh/ownmesh/core/graph"
	"github.com/ownmesh/ownmesh/core/resource"
)

// Version is the version of what this compiler makes: another one may make other bytes of the same state.
const Version = version.Compiler

// Options are the installation's settings.
type Options struct {
	// Interception is how connections reach proxies where no resource says; empty: transparent.
	Interception resource.InterceptionMode
	// Partition is AWS's, as in ARNs: "aws-cn" has names of its own for AWS's services. Empty: aws.
	Partition string
}

// State is a mesh at a generation.
type State struct {
	Mesh       resource.Resource
	Generation int64
	Deleted    bool // the mesh is gone: Resources are not looked at
	Resources  map[resource.Key]resource.Resource
	// Certificates is what is known of those that resources name by ARN (CertificateARNs).
	Certificates map[string]graph.Material
}

// Change is one commit.
type Change struct {
	Generation int64
	Key        resource.Key
	Resource   *resource.Resource // nil: deleted
	Caller     string
}

// Compiled is a mesh's configuration, with what is needed to bring it to the next state. It is not for concurrent use.
type Compiled struct {
	config *artifact.Config
	memo   *memo
	out    *output
	wanted map[resource.Key]struct{} // new resources, whose units run once all inputs are in
}

// Compile compiles a whole mesh.
func Compile(o Options, s State) *Compiled {
	config := &artifact.Config{
		Mesh: s.Mesh.Name, UID: s.Mesh.UID, Generation: s.Generation, Compiler: Version, Deleted: s.Deleted,
		Resources: map[artifact.ID]artifact.Resource{}, Proxies: map[artifact.ProxyKey]artifact.Proxy{},
	}
	c := &Compiled{config: config, out: newOutput(config), wanted: map[resource.Key]struct{}{}}
	c.memo = newMemo(setting{Options: o, mesh: s.Mesh.Key}, c.out)
	if s.Deleted {
		return c
	}
	c.SetCertificates(s.Certificates)
	c.put(s.Mesh.Key, &s.Mesh)
	for k, r := range s.Resources {
		c.put(k, &r)
	}
	c.update()
	c.out.forget()
	return c
}

// Apply brings the configuration to the state after changes, which are in the order of their generations, and says
// what to append to the log. Changes that are known already (an older generation) do nothing.
func (c *Compiled) Apply(changes []Change) artifact.ConfigChange {
	var causes []artifact.Cause
	gone := false
	for _, change := range changes {
		if change.Generation <= c.config.Generation || c.config.Deleted {
			continue
		}
		c.config.Generation = change.Generation
		causes = append(causes, artifact.Cause{
			Generation: change.Generation, Key: change.Key.String(), Deleted: change.Resource == nil, Caller: change.Caller,
		})
		if change.Key.Kind == resource.KindMesh && change.Resource == nil {
			gone = true
			c.delete()
			continue
		}
		c.put(change.Key, change.Resource)
	}
	c.update()
	out := c.out.take()
	out.Generation, out.Compiler, out.Deleted, out.Causes = c.config.Generation, Version, gone, causes
	return out
}

// update brings the units up to date. Those that exist come first, so that new ones read what is up to date.
func (c *Compiled) update() {
	c.memo.update()
	for k := range c.wanted {
		c.memo.want(root(k))
	}
	clear(c.wanted)
	c.memo.collect()
}

// delete makes the mesh a tombstone.
func (c *Compiled) delete() {
	c.config.Deleted = true
	clear(c.wanted)
	c.memo = newMemo(c.memo.setting, c.out)
	c.out.wipe()
}

// Config is the configuration. It is changed in place by Apply; its resources are not.
func (c *Compiled) Config() *artifact.Config { return c.config }

// Generation is the generation of the state that was compiled.
func (c *Compiled) Generation() int64 { return c.config.Generation }

// Findings lists what is wrong in the mesh, sorted. It is never nil.
func (c *Compiled) Findings() []resource.Finding { return c.out.findings() }

// Work is what compiling has cost so far.
func (c *Compiled) Work() Work { return c.memo.work }
