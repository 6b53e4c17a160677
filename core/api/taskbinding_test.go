package api

import (
	"strings"
	"testing"
)

func TestTaskBindings(t *testing.T) {
	s := newServer(t)
	shop(s)
	const all = "/v1/meshes/shop/taskBindings"
	const spec = `{"cluster":"shop","service":"cart","virtualNode":{"virtualNodeName":"cart"}}`
	s.ask("PUT", all, `{"taskBindingName":"cart","spec":`+spec+`,"tags":[{"key":"a","value":"b"}]}`).ok()
	got := s.ask("GET", all+"/cart", "").ok()
	if got["taskBindingName"] != "cart" || member(got, "spec", "cluster") != "shop" {
		t.Errorf("got %v", got)
	}
	s.ask("PUT", all+"/cart", `{"spec":{"cluster":"arn:aws:ecs:eu-west-1:123456789012:cluster/shop","service":"cart","container":"app","port":8080,"virtualNode":{"virtualNodeName":"cart"}}}`).ok()
	if got := s.ask("GET", all, "").ok(); len(got["taskBindings"].([]any)) != 1 {
		t.Errorf("list: %v", got)
	}
	s.ask("PUT", all, `{"taskBindingName":"x","spec":{"cluster":"shop","service":"cart","virtualNode":{"virtualNodeName":"none"}}}`).fails(notFound, "VirtualNode with name none is missing")
	for wrong, want := range map[string]string{
		`{}`: "spec.cluster is required",
		`{"cluster":"arn:aws:ecs:eu-west-1:123456789012:service/shop/cart","service":"a","virtualNode":{"virtualNodeName":"cart"}}`: "spec.cluster must be the name of an ECS cluster, or its ARN",
		`{"cluster":"a","service":"arn:aws:ecs","virtualNode":{"virtualNodeName":"cart"}}`:                                          "spec.service must match",
		`{"cluster":"a","service":"a","port":0,"virtualNode":{"virtualNodeName":"cart"}}`:                                           "spec.port must be between 1 and 65535",
		`{"cluster":"a","service":"a","virtualNode":{}}`:                                                                            "spec.virtualNode.virtualNodeName is required",
		`{"cluster":"a","service":"a","virtualNodeName":"cart"}`:                                                                    "spec.virtualNode is required",
	} {
		if message := s.ask("PUT", all, `{"taskBindingName":"x","spec":`+wrong+`}`).failsWith(badRequest); !strings.Contains(message, want) {
			t.Errorf("%s: %s", wrong, message)
		}
	}

	// It holds the node that it names, until it goes.
	s.delete("meshes/shop/virtualRouter/cart-vr/routes/cart").ok()
	s.delete("meshes/shop/virtualNodes/cart").fails(resourceInUse, "VirtualNode with name cart cannot be deleted because TaskBinding cart binds tasks to it")
	s.ask("DELETE", all+"/cart", "").ok()
	s.delete("meshes/shop/virtualNodes/cart").ok()
}

func TestResolvableNames(t *testing.T) {
	s := newServer(t)
	shop(s)
	const all = "/v1/meshes/shop/resolvableNames"
	s.ask("PUT", all, `{"resolvableNameName":"shop","spec":{"namespaceName":"shop.local"}}`).ok()
	s.ask("PUT", all+"/shop", `{"spec":{"namespaceName":"shop.local","address":"10.0.0.1"}}`).ok()
	if got := s.ask("GET", all, "").ok(); len(got["resolvableNames"].([]any)) != 1 {
		t.Errorf("list: %v", got)
	}
	for wrong, want := range map[string]string{
		`{}`:                                     "spec.namespaceName is required",
		`{"namespaceName":"a","address":"cart"}`: "spec.address must be an IPv4 address, as 10.255.255.254",
		`{"namespaceName":"a","address":"fd00::1"}`:      "spec.address must be an IPv4 address",
		`{"namespaceName":"a","address":"10.0.0.1/32"}`:  "spec.address must be an IPv4 address",
		`{"namespaceName":"a","addresses":["10.0.0.1"]}`: `did you mean "address"?`,
	} {
		if message := s.ask("PUT", all, `{"resolvableNameName":"x","spec":`+wrong+`}`).failsWith(badRequest); !strings.Contains(message, want) {
			t.Errorf("%s: %s", wrong, message)
		}
	}
	s.ask("DELETE", all+"/shop", "").ok()
}
