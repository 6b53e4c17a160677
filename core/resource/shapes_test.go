package resource_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/internal/shapetest"
)

// specs are the structs that specs are decoded into.
var specs = map[string]any{
	"MeshSpec": resource.MeshSpec{}, "VirtualServiceSpec": resource.VirtualServiceSpec{}, "VirtualNodeSpec": resource.VirtualNodeSpec{},
	"VirtualRouterSpec": resource.VirtualRouterSpec{}, "RouteSpec": resource.RouteSpec{},
	"VirtualGatewaySpec": resource.VirtualGatewaySpec{}, "GatewayRouteSpec": resource.GatewayRouteSpec{},
	"InterceptionSpec": resource.InterceptionSpec{}, "TaskBindingSpec": resource.TaskBindingSpec{}, "ResolvableNameSpec": resource.ResolvableNameSpec{},
}

// names are references of the forms that the checks of one resource look into.
var names = map[string]string{"resourceArn": "arn:aws:appmesh:eu-west-1:123456789012:mesh/shop/virtualNode/cart", "address": "10.255.255.254"}

func writes(operation string) bool {
	return strings.HasPrefix(operation, "Create") || strings.HasPrefix(operation, "Update") || strings.HasSuffix(operation, "agResource")
}

// TestStructsHaveEveryMember compares the structs with the shapes they stand for: no member is missing on either side.
func TestStructsHaveEveryMember(t *testing.T) {
	model := shapetest.Load(t, nil)
	shapeMembers, structMembers := map[reflect.Type]map[string]bool{}, map[reflect.Type]map[string]bool{}
	var walk func(shape string, goType reflect.Type)
	walk = func(name string, goType reflect.Type) {
		if goType.Kind() == reflect.Pointer {
			goType = goType.Elem()
		}
		shape := model.Shapes[name]
		kind := map[string][]reflect.Kind{
			"structure": {reflect.Struct}, "list": {reflect.Slice}, "string": {reflect.String}, "boolean": {reflect.Bool},
			"integer": {reflect.Int, reflect.Int64}, "long": {reflect.Int64},
		}[shape.Type]
		if !slices.Contains(kind, goType.Kind()) {
			t.Errorf("%s is a %s, its Go type %s is not", name, shape.Type, goType)
			return
		}
		switch goType.Kind() {
		case reflect.Slice:
			walk(shape.Member.Shape, goType.Elem())
		case reflect.Struct:
			if shapeMembers[goType] == nil {
				shapeMembers[goType], structMembers[goType] = map[string]bool{}, map[string]bool{}
			}
			fields := map[string]reflect.Type{}
			for i := range goType.NumField() {
				tag, _, _ := strings.Cut(goType.Field(i).Tag.Get("json"), ",")
				fields[tag] = goType.Field(i).Type
				structMembers[goType][tag] = true
			}
			for member, m := range shape.Members {
				shapeMembers[goType][member] = true
				if field, ok := fields[member]; ok {
					walk(m.Shape, field)
				}
			}
		}
	}
	for name, spec := range specs {
		walk(name, reflect.TypeOf(spec))
	}
	for goType := range shapeMembers {
		if diff := cmp.Diff(shapeMembers[goType], structMembers[goType]); diff != "" {
			t.Errorf("%s: members of its shapes (-) and its fields (+):\n%s", goType, diff)
		}
	}
}

func TestEveryConstraintIsChecked(t *testing.T) {
	model := shapetest.Load(t, names)
	count := map[string]int{}
	for operation := range model.Operations {
		for _, r := range model.Broken(operation) {
			if r.Constraint == "required" && r.Params["resourceArn"] == "" && r.Paths[0] == "resourceArn" {
				continue // whether a query has a member is seen by whoever reads the query
			}
			count[r.Constraint]++
			violations := check(model, r)
			if len(violations) == 0 {
				t.Errorf("%s is accepted: %v %s", r, r.Params, r.Body)
			}
			for _, v := range violations {
				if v.Path != r.Paths[0] {
					t.Errorf("%s: also %s", r, v)
				}
			}
		}
	}
	for _, constraint := range []string{"required", "type", "min", "max", "pattern", "enum", "union", "unknown", "control", "reserved"} {
		if count[constraint] == 0 {
			t.Errorf("no request breaks %s", constraint)
		}
	}
	t.Log(count)
}

func TestBoundsThemselvesAreAccepted(t *testing.T) {
	model := shapetest.Load(t, names)
	count := map[string]int{}
	for operation := range model.Operations {
		for _, r := range model.Edges(operation) {
			if r.Constraint == "union" && r.Paths[0] == "spec.serviceDiscovery" {
				continue // as if absent: not with listeners
			}
			count[r.Constraint]++
			if violations := check(model, r); len(violations) > 0 {
				t.Errorf("%s: %v", r, violations)
			}
			if _, ok := specs[specOf(operation)]; ok {
				parsed, _ := resource.ParseRequest(operation, r.Body)
				decode(t, specOf(operation), parsed.Spec)
			}
		}
	}
	for _, constraint := range []string{"min", "max", "enum", "union"} {
		if count[constraint] == 0 {
			t.Errorf("no request is at a bound of %s", constraint)
		}
	}
}

// check does what a server does with a request.
func check(model *shapetest.Model, r shapetest.Request) []resource.Violation {
	var violations []resource.Violation
	for name, value := range r.Params {
		violations = append(violations, resource.CheckParam(r.Operation, name, value)...)
	}
	if model.HasBody(r.Operation) {
		_, inBody := resource.ParseRequest(r.Operation, r.Body)
		violations = append(violations, inBody...)
	}
	return violations
}

func TestAllViolationsAtOnce(t *testing.T) {
	model := shapetest.Load(t, names)
	for _, operation := range model.Sorted(writes) {
		r := model.BrokenEverywhere(operation)
		var got []string
		for _, v := range check(model, r) {
			got = append(got, v.Path)
		}
		want := r.Paths
		if len(want) > 100 {
			t.Fatalf("%s: %d faults are more than an answer lists", operation, len(want))
		}
		slices.Sort(got)
		slices.Sort(want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: want (-), got (+):\n%s", operation, diff)
		}
	}
}

func TestEveryMemberIsAcceptedAndDecoded(t *testing.T) {
	model := shapetest.Load(t, names)
	for _, operation := range model.Sorted(writes) {
		for _, valid := range model.Valid(operation) {
			if violations := check(model, valid); len(violations) > 0 {
				t.Errorf("%s %s: %v", operation, valid.Body, violations)
				continue
			}
			r, _ := resource.ParseRequest(operation, valid.Body)
			var sent struct{ Spec any }
			var kept any
			unmarshal(t, valid.Body, &sent)
			unmarshal(t, r.Spec, &kept)
			if sent.Spec == nil {
				continue // tags
			}
			if diff := cmp.Diff(sent.Spec, kept); diff != "" {
				t.Errorf("%s: sent (-), kept (+):\n%s", operation, diff)
			}
			if diff := cmp.Diff(sent.Spec, prune(decode(t, specOf(operation), r.Spec))); diff != "" {
				t.Errorf("%s: sent (-), in the struct (+):\n%s", operation, diff)
			}
		}
	}
}

func specOf(operation string) string {
	return strings.TrimPrefix(strings.TrimPrefix(operation, "Create"), "Update") + "Spec"
}

// decode reads a spec into its struct, and gives what the struct holds as plain JSON.
func decode(t *testing.T, shape string, spec json.RawMessage) any {
	t.Helper()
	v := reflect.New(reflect.TypeOf(specs[shape]))
	unmarshal(t, spec, v.Interface())
	b, err := json.Marshal(v.Interface())
	if err != nil {
		t.Fatal(err)
	}
	var plain any
	unmarshal(t, b, &plain)
	return plain
}

// prune drops what structs hold of members that were not sent. Filled requests hold no empty values.
func prune(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, m := range v {
			if m = prune(m); m == nil || m == "" || m == 0.0 {
				delete(v, name)
			} else {
				v[name] = m
			}
		}
		if len(v) == 0 {
			return nil
		}
	case []any:
		for i := range v {
			v[i] = prune(v[i])
		}
	}
	return v
}

func unmarshal(t *testing.T, b []byte, v any) {
	t.Helper()
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatalf("%v: %s", err, b)
	}
}
