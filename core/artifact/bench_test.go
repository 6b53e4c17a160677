package artifact

import (
	"fmt"
	"strings"
	"testing"
)

// benchConfig has the size of a compiled mesh: see artifacttest.Mesh, which an internal test can't import.
func benchConfig(nodes int) *Config {
	cfg := &Config{Mesh: "shop", UID: "u", Generation: 1, Compiler: 1, Resources: map[ID]Resource{}, Proxies: map[ProxyKey]Proxy{}}
	put := func(id ID, n int) ID {
		sum := checksum(fmt.Append(nil, id, n))
		body := strings.Repeat("envoy.filters.network.http_connection_manager ", 6) + strings.Repeat(sum, 10)
		cfg.Resources[id] = NewResource(id, []byte(body), nil, "", nil)
		return id
	}
	shared := func(i int) []ID {
		i %= nodes
		return []ID{
			put(ID{Type: Cluster, Name: fmt.Sprintf("cds_egress_shop_node-%d_http_8080", i)}, i),
			put(ID{Type: Route, Name: fmt.Sprintf("rds_egress_shop_node-%d.shop.local_8080", i)}, i),
		}
	}
	for i := range nodes {
		key := fmt.Sprintf("virtualNode/node-%d", i)
		set := []ID{
			put(ID{Cluster, "cds_ingress_shop", key}, i), put(ID{Listener, "lds_egress_0.0.0.0_15001", key}, i),
			put(ID{Listener, "lds_ingress_0.0.0.0_15000", key}, i), put(ID{Route, "rds_ingress_http_8080", key}, i),
		}
		for b := range 10 {
			set = append(set, shared(i+b)...)
		}
		cfg.Proxies[ProxyKey(key)] = Proxy{UID: key, Transparent: set}
	}
	return cfg
}

func BenchmarkState(b *testing.B) {
	for _, nodes := range []int{1_000, 10_000} {
		cfg := benchConfig(nodes)
		body, err := ConfigLog.encodeState(cfg)
		if err != nil {
			b.Fatal(err)
		}
		manifest, err := ConfigLog.manifest(cfg)
		if err != nil {
			b.Fatal(err)
		}
		doc, _, err := frame(header{Kind: kindFull}, body)
		if err != nil {
			b.Fatal(err)
		}
		stored := compress(doc)
		run := func(name string, what func() error) {
			b.Run(fmt.Sprintf("%s/%d", name, nodes), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if err := what(); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(len(doc)), "bytes")
				b.ReportMetric(float64(len(stored)), "stored-bytes")
			})
		}
		run("encode", func() error { _, err := ConfigLog.encodeState(cfg); return err })
		run("encode-manifest", func() error { _, err := ConfigLog.manifest(cfg); return err })
		run("compress", func() error { compress(doc); return nil })
		run("unframe", func() error { _, err := unframe(stored); return err })
		run("decode", func() error { _, err := ConfigLog.decodeState(body); return err })
		run("decode-manifest", func() error { _, err := ConfigLog.decodeState(manifest); return err })
		run("diff-nothing", func() error { Diff(cfg, cfg); return nil })
	}
}

// BenchmarkChange is a change of one shared route: its cost must not depend on the mesh.
func BenchmarkChange(b *testing.B) {
	for _, nodes := range []int{1_000, 10_000} {
		cfg := benchConfig(nodes)
		id := ID{Type: Route, Name: "rds_egress_shop_node-7.shop.local_8080"}
		c := ConfigChange{Generation: 1, Compiler: 1, Resources: []Resource{NewResource(id, make([]byte, 600), nil, "", nil)}}
		b.Run(fmt.Sprintf("encode/%d", nodes), func(b *testing.B) {
			for b.Loop() {
				body, err := ConfigLog.encodeChange(c)
				if err != nil {
					b.Fatal(err)
				}
				doc, _, err := frame(header{Kind: kindChange}, body)
				if err != nil {
					b.Fatal(err)
				}
				compress(doc)
			}
		})
		body, err := ConfigLog.encodeChange(c)
		if err != nil {
			b.Fatal(err)
		}
		at := Position{Epoch: 1, Sum: "s", Generation: 1, Compiler: 1}
		l := log{uid: "u", name: ConfigLog.name}
		doc, _, err := frame(header{Kind: kindChange, Log: l.name, UID: l.uid, Epoch: 1, Previous: "s", mark: at.mark()}, body)
		if err != nil {
			b.Fatal(err)
		}
		stored := compress(doc)
		b.Run(fmt.Sprintf("decode-apply/%d", nodes), func(b *testing.B) {
			for b.Loop() {
				if _, err := follow(l, ConfigLog, cfg, at, stored); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
