package importer_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/ownmesh/ownmesh/internal/importer"
)

// What the AWS CLI prints, what an SDK gives without the wrapping member, and lists.
func TestRead(t *testing.T) {
	for _, test := range []struct{ name, data, documents, named, gone string }{
		{name: "describe", data: `{"route":{"meshName":"m","virtualRouterName":"r","routeName":"x","spec":{"priority":1},"metadata":{"version":2},"status":{"status":"ACTIVE"}}}`,
			documents: `{"kind":"Route","meshName":"m","routeName":"x","spec":{"priority":1},"virtualRouterName":"r"}`},
		{name: "bare", data: `{"meshName":"m","virtualServiceName":"s.local","spec":{},"metadata":{},"status":{"status":"ACTIVE"}}`,
			documents: `{"kind":"VirtualService","meshName":"m","spec":{},"virtualServiceName":"s.local"}`},
		{name: "mesh", data: `{"mesh":{"meshName":"m","spec":{},"metadata":{}}}`, documents: `{"kind":"Mesh","meshName":"m","spec":{}}`},
		{name: "deleted", data: `{"virtualNode":{"meshName":"m","virtualNodeName":"n","spec":{},"metadata":{},"status":{"status":"DELETED"}}}`, gone: "virtualNode/n"},
		{name: "list", data: `{"gatewayRoutes":[{"meshName":"m","virtualGatewayName":"g","gatewayRouteName":"x","arn":"arn"}],"nextToken":"t"}`,
			named: "aws appmesh describe-gateway-route --mesh-name m --virtual-gateway-name g --gateway-route-name x"},
		{name: "a name for the shell", data: `{"meshes":[{"meshName":"it's"}]}`, named: `aws appmesh describe-mesh --mesh-name 'it'\''s'`},
	} {
		s, ok := importer.Read(json.RawMessage(test.data))
		if !ok {
			t.Errorf("%s: it is no answer of the API", test.name)
			continue
		}
		var documents, named, gone []string
		for _, d := range s.Documents {
			documents = append(documents, string(d))
		}
		for _, n := range s.Named {
			named = append(named, importer.Command(n))
		}
		for _, n := range s.Gone {
			gone = append(gone, n.Key.String())
		}
		for what, is := range map[string][2]string{
			"documents": {strings.Join(documents, " "), test.documents}, "named": {strings.Join(named, " "), test.named}, "gone": {strings.Join(gone, " "), test.gone},
		} {
			if is[0] != is[1] {
				t.Errorf("%s: %s: got %s, want %s", test.name, what, is[0], is[1])
			}
		}
	}
}

func TestReadOtherThings(t *testing.T) {
	for _, data := range []string{
		`{}`, `[]`, `7`, `null`, `{"kind":"Mesh","meshName":"m","metadata":{}}`, `{"virtualNode":{"virtualNodeName":"n"}}`,
		`{"virtualNode":7}`, `{"virtualNodes":7}`, `{"virtualNodes":[],"other":1}`, `{"meshName":"m","routeName":"x","metadata":{}}`,
	} {
		if s, ok := importer.Read(json.RawMessage(data)); ok {
			t.Errorf("%s was read as %+v", data, s)
		}
	}
}
