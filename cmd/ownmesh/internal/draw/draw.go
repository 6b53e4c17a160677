// Package draw draws a mesh: who calls whom, as Graphviz's DOT or as Mermaid. The same mesh gives the same text.
//
// It decides nothing about the mesh: core/graph's View says what there is. Start with New.
package draw

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ownmesh/ownmesh/core/graph"
	"github.com/ownmesh/ownmesh/core/resource"
)

// Drawing is boxes and arrows.
type Drawing struct {
	Title  string
	boxes  []box
	arrows []arrow
	places map[[2]resource.Key]int // of arrows, by their ends
}

// box is a virtual node, gateway or service.
type box struct {
	key    resource.Key
	label  []string // lines
	marked bool     // there are findings on it
}

// arrow leads from a caller to a service, or from a service to a node.
type arrow struct {
	from, to resource.Key
	label    []string // lines
	dashed   bool     // nothing goes there now
}

func node(name string) resource.Key { return resource.Key{Kind: resource.KindVirtualNode, Name: name} }
func gateway(name string) resource.Key {
	return resource.Key{Kind: resource.KindVirtualGateway, Name: name}
}
func service(name string) resource.Key {
	return resource.Key{Kind: resource.KindVirtualService, Name: name}
}

// New draws a view. What findings are on is marked. focus (virtualNode/cart) keeps what is next to one box; "": all.
func New(v graph.View, findings []resource.Finding, focus string) (*Drawing, error) {
	d := &Drawing{Title: v.Mesh, places: map[[2]resource.Key]int{}}
	marked := map[resource.Key]bool{}
	for _, f := range findings {
		marked[f.Resource] = true
		if info, ok := resource.InfoOf(f.Resource.Kind); ok && info.Parent != "" { // a route has no box of its own
			marked[resource.Key{Kind: info.Parent, Name: f.Resource.Parent}] = true
		}
	}
	for _, s := range v.Services { // nor has a router
		if kind, name, ok := strings.Cut(s.Provider, "/"); ok && kind == string(resource.KindVirtualRouter) && marked[resource.Key{Kind: resource.KindVirtualRouter, Name: name}] {
			marked[service(s.Name)] = true
		}
	}
	add := func(k resource.Key, lines ...string) {
		d.boxes = append(d.boxes, box{key: k, label: append([]string{k.Name}, lines...), marked: marked[k]})
	}
	for _, g := range v.Gateways {
		add(gateway(g.Name), ports(g.Listeners)...)
		for _, r := range g.Routes {
			d.arrow(gateway(g.Name), service(r.Service), r.Match, false)
		}
	}
	for _, n := range v.Nodes {
		add(node(n.Name), ports(n.Listeners)...)
		for _, c := range n.Calls {
			d.arrow(node(n.Name), service(c.Service), "", c.Missing != "")
		}
	}
	for _, s := range v.Services {
		add(service(s.Name))
		for _, p := range s.Ports {
			for _, r := range p.Routes {
				for _, t := range r.Targets {
					d.arrow(service(s.Name), node(t.Node), routeLabel(r, t), t.Weight == 0)
				}
			}
		}
	}
	d.addMissing()
	if focus == "" {
		return d, nil
	}
	return d, d.keepAround(focus)
}

func ports(ls []graph.ListenerView) []string {
	var out []string
	for _, l := range ls {
		out = append(out, fmt.Sprintf("%s:%d", l.Protocol, l.Port.Port))
	}
	if len(out) == 0 {
		return nil
	}
	return []string{strings.Join(out, " ")}
}

func routeLabel(r graph.RouteView, t graph.TargetView) string {
	if r.Name == "" {
		return ""
	}
	label := r.Name + ": " + r.Match
	if len(r.Targets) > 1 || t.Weight == 0 {
		label += " (" + t.Share + ")"
	}
	return label
}

// arrow draws an arrow, or adds a line to the one that is there.
func (d *Drawing) arrow(from, to resource.Key, label string, dashed bool) {
	i, there := d.places[[2]resource.Key{from, to}]
	if !there {
		i = len(d.arrows)
		d.places[[2]resource.Key{from, to}] = i
		d.arrows = append(d.arrows, arrow{from: from, to: to, dashed: true})
	}
	a := &d.arrows[i]
	a.dashed = a.dashed && dashed
	if label != "" && !slices.Contains(a.label, label) {
		a.label = append(a.label, label)
	}
}

// addMissing draws what is called and not there.
func (d *Drawing) addMissing() {
	drawn := map[resource.Key]bool{}
	for _, b := range d.boxes {
		drawn[b.key] = true
	}
	for _, a := range d.arrows {
		for _, k := range []resource.Key{a.from, a.to} {
			if !drawn[k] {
				drawn[k] = true
				d.boxes = append(d.boxes, box{key: k, label: []string{k.Name, "is not there"}, marked: true})
			}
		}
	}
}

// keepAround keeps a box, what its arrows lead to and from, and, through services, who is behind them.
func (d *Drawing) keepAround(focus string) error {
	i := slices.IndexFunc(d.boxes, func(b box) bool { return b.key.String() == focus })
	if i < 0 {
		return fmt.Errorf("there is no %s to draw: it must be a virtualNode/NAME, virtualGateway/NAME or virtualService/NAME of the mesh", focus)
	}
	keep := map[resource.Key]bool{d.boxes[i].key: true}
	for range 2 { // a caller, its service, the node behind it
		for _, k := range keysOf(keep) {
			if k.Kind != resource.KindVirtualService && k != d.boxes[i].key {
				continue
			}
			for _, a := range d.arrows {
				if a.from == k {
					keep[a.to] = true
				}
				if a.to == k {
					keep[a.from] = true
				}
			}
		}
	}
	d.boxes = slices.DeleteFunc(d.boxes, func(b box) bool { return !keep[b.key] })
	d.arrows = slices.DeleteFunc(d.arrows, func(a arrow) bool { return !keep[a.from] || !keep[a.to] })
	return nil
}

func keysOf(m map[resource.Key]bool) []resource.Key {
	var out []resource.Key
	for k := range m {
		out = append(out, k)
	}
	slices.SortFunc(out, resource.Key.Compare)
	return out
}
