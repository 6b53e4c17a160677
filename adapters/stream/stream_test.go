package stream_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ownmesh/ownmesh/adapters/stream"
	"github.com/ownmesh/ownmesh/core/resource"
)

// record is a stream record with this image (JSON of attributes; "" has none).
func record(event, pk, image string) string {
	if image != "" {
		image = `,"NewImage":` + image
	}
	return fmt.Sprintf(`{"eventID":"1","eventName":%q,"eventSource":"aws:dynamodb","dynamodb":{"SequenceNumber":"100","Keys":{"pk":{"S":%q},"sk":{"B":"bWVzaAAB"}}%s}}`, event, pk, image)
}

func one(t *testing.T, body string) stream.Record {
	t.Helper()
	records, err := stream.Records([]byte(`{"Records":[` + body + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	return records[0]
}

func TestChanges(t *testing.T) {
	c, err := one(t, record("MODIFY", "u1", `{"pk":{"S":"u1"},"generation":{"N":"7"},"mesh":{"S":"{\"kind\":\"mesh\",\"name\":\"shop\"}"}}`)).Change()
	if err != nil || c.UID != "u1" || c.Generation != 7 || c.Entry != nil {
		t.Errorf("a mesh's row: %+v, %v", c, err)
	}
	c, err = one(t, record("INSERT", "u1", `{"entry":{"S":"{\"generation\":7,\"caller\":\"arn\",\"key\":{\"kind\":\"virtualNode\",\"name\":\"cart\"}}"}}`)).Change()
	if err != nil || c.UID != "u1" || c.Generation != 0 || c.Entry == nil || c.Entry.Generation != 7 ||
		c.Entry.Key != (resource.Key{Kind: resource.KindVirtualNode, Name: "cart"}) || c.Entry.Caller != "arn" {
		t.Errorf("a journal's row: %+v, %v", c, err)
	}
	for what, body := range map[string]string{
		"a resource":    record("INSERT", "u1", `{"record":{"S":"{}"}}`),
		"a name":        record("INSERT", "names", `{"uid":{"S":"u1"}}`),
		"tags":          record("MODIFY", "u1", `{"tags":{"S":"{}"}}`),
		"a removal":     record("REMOVE", "u1", ""),
		"an expired":    record("REMOVE", "u1", `{"generation":{"N":"3"}}`),
		"without image": record("MODIFY", "u1", ""),
	} {
		if c, err := one(t, body).Change(); err != nil || c != (stream.Change{}) {
			t.Errorf("%s: %+v, %v, want nothing", what, c, err)
		}
	}
}

// TestPoison: a record that can't be understood says why, and which it is; those beside it can be read.
func TestPoison(t *testing.T) {
	bad := map[string]string{
		"generation is not a number":   record("MODIFY", "u1", `{"generation":{"S":"7"}}`),
		`got "1e9"`:                    record("MODIFY", "u1", `{"generation":{"N":"1e9"}}`),
		`got "0"`:                      record("MODIFY", "u1", `{"generation":{"N":"0"}}`),
		"entry is not a string":        record("INSERT", "u1", `{"entry":{"M":{}}}`),
		"no journal entry":             record("INSERT", "u1", `{"entry":{"S":"{"}}`),
		"no key pk":                    record("INSERT", "", `{"generation":{"N":"1"}}`),
		"cannot unmarshal":             strings.Replace(record("MODIFY", "u1", `{"generation":{"N":"7"}}`), `"N":"7"`, `"N":7`, 1),
		"of mesh u2: attribute entry":  record("INSERT", "u2", `{"entry":{"N":"1"}}`),
		"cannot unmarshal number into": strings.Replace(record("MODIFY", "u1", `{"generation":{"N":"7"}}`), `{"S":"u1"}`, `5`, 1),
	}
	good := record("MODIFY", "u1", `{"generation":{"N":"7"}}`)
	for want, body := range bad {
		records, err := stream.Records([]byte(`{"Records":[` + good + `,` + body + `,` + good + `]}`))
		if err != nil {
			t.Errorf("%s: %v", body, err)
			continue
		}
		if _, err := records[1].Change(); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "100") {
			t.Errorf("%s: got %v, want %q", body, err, want)
		}
		if c, err := records[2].Change(); err != nil || c.Generation != 7 {
			t.Errorf("behind %s: %+v, %v", body, c, err)
		}
	}
}

func TestWhatIsNoBatch(t *testing.T) {
	for _, batch := range []string{``, `[]`, `{}`, `{"Records":[]}`, `{"Records":[{}]}`, `{"Records":[{"messageId":"1","body":"{}"}]}`, `{"Records":[3]}`} {
		if got, err := stream.Records([]byte(batch)); err == nil {
			t.Errorf("%s: got %v", batch, got)
		}
	}
}
