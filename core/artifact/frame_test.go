package artifact

import (
	"bytes"
	"compress/gzip"
	"errors"
	"strings"
	"testing"

	"github.com/ownmesh/ownmesh/core/endpoint"
)

// resum replaces something in a document and makes its sum right again.
func resum(doc []byte, old, new string) []byte {
	doc = bytes.Replace(doc, []byte(old), []byte(new), 1)
	from := len(frameStart) + sumLength + len(frameHead)
	copy(doc[len(frameStart):], checksum(doc[from:]))
	return doc
}

func TestFrame(t *testing.T) {
	for _, body := range []string{`{}`, `{"a":1}`, `[` + strings.Repeat(`"x",`, 10_000) + `0]`} {
		h := header{Kind: kindChange, Log: "config", UID: "u", Epoch: 1, Seq: 2, Previous: "p", mark: mark{Generation: 7}}
		doc, sum, err := frame(h, []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		stored := compress(doc)
		if len(body) > 1000 && len(stored) > len(doc)/10 {
			t.Errorf("%d bytes are stored as %d", len(doc), len(stored))
		}
		d, err := unframe(stored)
		h.Format = formatVersion
		if err != nil || d.header != h || d.sum != sum || string(d.body) != body || d.size != int64(len(doc)) {
			t.Errorf("got %+v, %v", d, err)
		}
	}
}

func TestUnframeRefuses(t *testing.T) {
	doc, _, err := frame(header{Kind: kindFull, Log: "config", UID: "u"}, []byte(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		"nothing":         nil,
		"text":            []byte("hello"),
		"other JSON":      []byte(`{"sum":1}`),
		"cut":             doc[:len(doc)-1],
		"cut in the sum":  doc[:20],
		"more":            append(bytes.Clone(doc), ' '),
		"gzip of nothing": {0x1f, 0x8b},
		"cut gzip":        compressed(t, doc)[:30],
		"no body":         resum(bytes.Clone(doc), `,"body":{}}`, `}`),
		"empty body":      resum(bytes.Clone(doc), `,"body":{}}`, `,"body":`),
		"no header":       resum(bytes.Clone(doc), `{"format"`, `["format"`),
		"format 0":        resum(bytes.Clone(doc), `"format":1`, `"format":0`),
	} {
		if _, err := unframe(data); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: got %v, want damage", name, err)
		}
	}
	_, err = unframe(resum(bytes.Clone(doc), `"format":1`, `"format":9`))
	if !errors.Is(err, ErrNewer) || errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "format 9") {
		t.Errorf("a newer format: %v", err)
	}
}

func compressed(t *testing.T, data []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := z.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// A few kilobytes that would become gigabytes.
func TestDecompressionBomb(t *testing.T) {
	bomb := compressed(t, make([]byte, 10<<20))
	if _, err := decompress(bomb, 1<<20); !errors.Is(err, ErrDamaged) {
		t.Errorf("got %v", err)
	}
	if got, err := decompress(bomb, 10<<20); err != nil || len(got) != 10<<20 {
		t.Errorf("at the limit: %d bytes, %v", len(got), err)
	}
	if _, err := decompress(make([]byte, 11), 10); !errors.Is(err, ErrDamaged) {
		t.Errorf("not compressed: %v", err)
	}
}

// A full state is read into memory of its size, which doesn't grow on the way.
func TestDecompressionTakesItsSize(t *testing.T) {
	allocations := func(size int) float64 {
		stored := compressed(t, make([]byte, size))
		return testing.AllocsPerRun(5, func() {
			if got, err := decompress(stored, maxDocument); err != nil || len(got) != size {
				t.Errorf("got %d bytes of %d, %v", len(got), size, err)
			}
		})
	}
	if small, large := allocations(64<<10), allocations(16<<20); large > small+1 {
		t.Errorf("%v allocations for 16 MB, %v for 64 KB", large, small)
	}
	lies := compressed(t, make([]byte, 1<<10))
	copy(lies[len(lies)-4:], "\xff\xff\xff\xff")
	if size := sizeOf(lies, maxDocument); size > 1032*len(lies) {
		t.Errorf("%d bytes are thought to become %d", len(lies), size)
	}
	if _, err := decompress(lies, maxDocument); !errors.Is(err, ErrDamaged) {
		t.Errorf("of another size than it says: %v", err)
	}
}

// FuzzDecoders finds no bytes that make a decoder panic, and none that it accepts but can't spell again.
func FuzzDecoders(f *testing.F) {
	cfg := &Config{Mesh: "m", UID: "u", Generation: 3, Resources: map[ID]Resource{}, Proxies: map[ProxyKey]Proxy{}}
	r := NewResource(ID{Cluster, "c", "s"}, []byte("body"), &endpoint.Selector{Port: 1}, "proxy", []string{"x"})
	cfg.Resources[r.ID] = r
	cfg.Proxies["virtualNode/a"] = Proxy{UID: "p", Transparent: []ID{r.ID}}
	for _, encode := range []func() ([]byte, error){
		func() ([]byte, error) { return ConfigLog.encodeState(cfg) },
		func() ([]byte, error) { return ConfigLog.manifest(cfg) },
		func() ([]byte, error) { return ConfigLog.encodeChange(Diff(nil, cfg)) },
		func() ([]byte, error) {
			return encodeEndpoints(&endpoint.State{Services: map[endpoint.ServiceKey]map[string]endpoint.Instance{{Namespace: "n"}: {}}})
		},
	} {
		body, err := encode()
		if err != nil {
			f.Fatal(err)
		}
		doc, _, err := frame(header{Kind: kindFull, Log: "config", UID: "u", Epoch: 1}, body)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
		f.Add(doc)
		f.Add(compress(doc))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if d, err := unframe(data); err == nil {
			data = d.body
		}
		if cfg, err := ConfigLog.decodeState(data); err == nil {
			if _, err := ConfigLog.encodeState(cfg); err != nil {
				t.Errorf("config: %v", err)
			}
		}
		if c, err := ConfigLog.decodeChange(data); err == nil {
			if _, err := ConfigLog.encodeChange(c); err != nil {
				t.Errorf("config change: %v", err)
			}
			_ = new(Config).Apply(c)
		}
		if s, err := EndpointsLog.decodeState(data); err == nil {
			if _, err := EndpointsLog.encodeState(s); err != nil {
				t.Errorf("endpoints: %v", err)
			}
		}
		if c, err := EndpointsLog.decodeChange(data); err == nil {
			_ = EndpointsLog.apply(new(endpoint.State), c)
		}
	})
}
