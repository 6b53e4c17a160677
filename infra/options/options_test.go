package options_test

import (
	"flag"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/ownmesh/ownmesh/infra/options"
)

var update = flag.Bool("update", false, "write docs/aws/options.md")

func TestWithoutOptions(t *testing.T) {
	o, err := options.From(map[string]any{"aws:cdk:enable-path-metadata": true, "@aws-cdk/core:x": true})
	if err != nil {
		t.Fatal(err)
	}
	if o.Name != "ownmesh" || o.NamespaceName != "ownmesh.internal" || o.Destroy || o.Local || o.RelayMin != 2 || o.Architecture() != "arm64" {
		t.Errorf("got %+v", o)
	}
}

func TestValuesMayBeTextOrJSON(t *testing.T) {
	text, err := options.From(map[string]any{"relayMax": "7", "local": "true", "clientSecurityGroupIds": "sg-01234567, sg-01234568"})
	if err != nil {
		t.Fatal(err)
	}
	json, err := options.From(map[string]any{"relayMax": 7.0, "local": true, "clientSecurityGroupIds": []any{"sg-01234567", "sg-01234568"}})
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(text, json) || text.RelayMax != 7 || len(text.ClientGroupIDs) != 2 || text.Architecture() != "amd64" {
		t.Errorf("%+v\n%+v", text, json)
	}
}

// TestWhatIsWrongIsNamed: the option, the value, and what would be right.
func TestWhatIsWrongIsNamed(t *testing.T) {
	for _, c := range []struct {
		context map[string]any
		want    string
	}{
		{map[string]any{"name": "Shop"}, `name: "Shop" is no name: want 2 to 20 of a-z`},
		{map[string]any{"name": "shop-"}, "no - at the end"}, // it begins a DNS name
		{map[string]any{"removal": "keep"}, `removal: "keep" is none of retain, destroy`},
		{map[string]any{"local": "yes"}, `local: "yes" is none of true, false`},
		{map[string]any{"relaycpu": 512.0}, "relaycpu: there is no such option; docs/aws/options.md lists them; is relayCpu meant?"},
		{map[string]any{"vpcId": "vpc-01234567"}, "subnetIds: has 0 subnets; vpcId needs two or more"},
		{map[string]any{"subnetIds": "subnet-01234567"}, "subnetIds: needs vpcId"},
		{map[string]any{"subnetIds": "subnet-01234567,subnet-01234567", "vpcId": "vpc-01234567"}, `holds "subnet-01234567" twice`},
		{map[string]any{"namespaceId": "ns-a"}, "namespaceId: needs namespaceName and namespaceArn"},
		{map[string]any{"namespaceId": "ns-a", "namespaceName": "a.b", "namespaceArn": "arn:aws:servicediscovery:eu-west-1:123456789012:namespace/ns-b"}, "is not the ARN of namespaceId"},
		{map[string]any{"relayMin": 5.0, "relayMax": 3.0}, "relayMax: 3 is less than relayMin, 5"},
		{map[string]any{"relayCpu": 300.0}, "relayCpu: 300 is not among what Fargate has"},
		{map[string]any{"relayCpu": 256.0, "relayMemory": 1536.0}, "relayMemory: 1536 does not go with relayCpu 256"},
		{map[string]any{"relayMin": "two"}, `relayMin: "two" is not a whole number from 1 to 100`},
		{map[string]any{"relayMin": 2.5}, `relayMin: "2.5" is not a whole number`},
		{map[string]any{"logDays": 31.0}, "logDays: 31 is not among what CloudWatch Logs takes"},
		{map[string]any{"vpcCidr": "10.300.0.0/16"}, `vpcCidr: "10.300.0.0/16" is no range of IPv4 addresses of /16 to /24`},
		{map[string]any{"vpcCidr": "10.83.1.0/16"}, `is no range of IPv4 addresses`},
		{map[string]any{"vpcCidr": "10.0.0.0/8"}, `is no range of IPv4 addresses`},
		{map[string]any{"relayInterval": "60001ms"}, `relayInterval: "60001ms" is no time between 100ms and 60s`},
		{map[string]any{"relayInterval": "99ms"}, "is no time between"},
		{map[string]any{"relayInterval": "5"}, "is no time between"},
		{map[string]any{"sidecars": "ordering/ui"}, `holds "ordering/ui"; want <mesh>/virtualNode/<name>`},
		{map[string]any{"sidecars": "a/virtualNode/b,a/virtualNode/b"}, `twice`},
		{map[string]any{"alarmTopicArn": "oncall"}, `alarmTopicArn: "oncall" is no ARN of an SNS topic`},
		{map[string]any{"name": map[string]any{"a": "b"}}, "name: is an object; want text"},
	} {
		_, err := options.From(c.context)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: got %v, want %q", c.context, err, c.want)
		}
	}
}

func TestAllThatIsWrongIsNamedAtOnce(t *testing.T) {
	_, err := options.From(map[string]any{"name": "X", "egress": "none", "typo": true})
	for _, want := range []string{"name:", "egress:", "typo:"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q in it", err, want)
		}
	}
}

const docs = "../../docs/aws/options.md"

func TestDocs(t *testing.T) {
	have, err := os.ReadFile(docs)
	if err != nil {
		t.Fatal(err)
	}
	head, _, found := strings.Cut(string(have), "\n## ")
	if !found {
		t.Fatalf("%s has no table", docs)
	}
	want := head + options.Markdown()
	if *update {
		if err := os.WriteFile(docs, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(have) != want {
		t.Errorf("%s is out of date: run `go test -C infra ./options -update`", docs)
	}
}
