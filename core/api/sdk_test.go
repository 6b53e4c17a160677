package api_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/appmesh"
	"github.com/aws/aws-sdk-go-v2/service/appmesh/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/internal/shapetest"
	"github.com/ownmesh/ownmesh/internal/whole"
)

// This file: the API as AWS's own SDK for Go sees it, every member of it.

// client is the SDK, signing as real ones do. It tries once: a fault must not hide behind a retry.
func (s *service) client() *appmesh.Client {
	return appmesh.New(appmesh.Options{
		BaseEndpoint: &s.url, Region: "eu-west-1", RetryMaxAttempts: 1, HTTPClient: whole.Client{},
		Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", ""),
	})
}

// unions are the SDK's types for the alternatives of unions, which reflection can't enumerate.
var unions = func() map[string]reflect.Type {
	byName := map[string]reflect.Type{}
	for _, v := range []any{
		types.AccessLogMemberFile{}, types.BackendMemberVirtualService{}, types.ClientTlsCertificateMemberFile{},
		types.ClientTlsCertificateMemberSds{}, types.GrpcMetadataMatchMethodMemberExact{},
		types.GrpcMetadataMatchMethodMemberPrefix{}, types.GrpcMetadataMatchMethodMemberRange{},
		types.GrpcMetadataMatchMethodMemberRegex{}, types.GrpcMetadataMatchMethodMemberSuffix{},
		types.GrpcRouteMetadataMatchMethodMemberExact{}, types.GrpcRouteMetadataMatchMethodMemberPrefix{},
		types.GrpcRouteMetadataMatchMethodMemberRange{}, types.GrpcRouteMetadataMatchMethodMemberRegex{},
		types.GrpcRouteMetadataMatchMethodMemberSuffix{}, types.HeaderMatchMethodMemberExact{},
		types.HeaderMatchMethodMemberPrefix{}, types.HeaderMatchMethodMemberRange{}, types.HeaderMatchMethodMemberRegex{},
		types.HeaderMatchMethodMemberSuffix{}, types.ListenerTimeoutMemberGrpc{}, types.ListenerTimeoutMemberHttp{},
		types.ListenerTimeoutMemberHttp2{}, types.ListenerTimeoutMemberTcp{}, types.ListenerTlsCertificateMemberAcm{},
		types.ListenerTlsCertificateMemberFile{}, types.ListenerTlsCertificateMemberSds{},
		types.ListenerTlsValidationContextTrustMemberFile{}, types.ListenerTlsValidationContextTrustMemberSds{},
		types.LoggingFormatMemberJson{}, types.LoggingFormatMemberText{}, types.ServiceDiscoveryMemberAwsCloudMap{},
		types.ServiceDiscoveryMemberDns{}, types.TlsValidationContextTrustMemberAcm{}, types.TlsValidationContextTrustMemberFile{},
		types.TlsValidationContextTrustMemberSds{}, types.VirtualGatewayAccessLogMemberFile{},
		types.VirtualGatewayClientTlsCertificateMemberFile{}, types.VirtualGatewayClientTlsCertificateMemberSds{},
		types.VirtualGatewayConnectionPoolMemberGrpc{}, types.VirtualGatewayConnectionPoolMemberHttp{},
		types.VirtualGatewayConnectionPoolMemberHttp2{}, types.VirtualGatewayListenerTlsCertificateMemberAcm{},
		types.VirtualGatewayListenerTlsCertificateMemberFile{}, types.VirtualGatewayListenerTlsCertificateMemberSds{},
		types.VirtualGatewayListenerTlsValidationContextTrustMemberFile{},
		types.VirtualGatewayListenerTlsValidationContextTrustMemberSds{}, types.VirtualGatewayTlsValidationContextTrustMemberAcm{},
		types.VirtualGatewayTlsValidationContextTrustMemberFile{}, types.VirtualGatewayTlsValidationContextTrustMemberSds{},
		types.VirtualNodeConnectionPoolMemberGrpc{}, types.VirtualNodeConnectionPoolMemberHttp{},
		types.VirtualNodeConnectionPoolMemberHttp2{}, types.VirtualNodeConnectionPoolMemberTcp{},
		types.VirtualServiceProviderMemberVirtualNode{}, types.VirtualServiceProviderMemberVirtualRouter{},
	} {
		byName[reflect.TypeOf(v).Name()] = reflect.TypeOf(v)
	}
	return byName
}()

// call calls an operation with an input (a pointer to its struct) and gives its output, likewise.
func call(t *testing.T, client *appmesh.Client, operation string, input any) any {
	t.Helper()
	results := reflect.ValueOf(client).MethodByName(operation).Call([]reflect.Value{reflect.ValueOf(t.Context()), reflect.ValueOf(input)})
	if err := results[1].Interface(); err != nil {
		t.Fatalf("%s: %v", operation, err)
	}
	return results[0].Interface()
}

// newInput makes the SDK's input for a request: what its body, path and query say.
func (s *service) newInput(t *testing.T, r shapetest.Request) any {
	t.Helper()
	members := map[string]any{}
	if r.Body != nil {
		if err := json.Unmarshal(r.Body, &members); err != nil {
			t.Fatal(err)
		}
	}
	for name, value := range r.Params {
		members[name] = value
	}
	method, ok := reflect.TypeFor[*appmesh.Client]().MethodByName(r.Operation)
	if !ok {
		t.Fatalf("the SDK has no %s", r.Operation)
	}
	input := reflect.New(method.Type.In(2).Elem())
	s.assign(t, r.Operation, input.Elem(), members)
	return input.Interface()
}

// assign fills v with value, which is JSON. It fails the test if a member of value has no place in the SDK's struct,
// or a field of the struct gets nothing: then the request was not full.
func (s *service) assign(t *testing.T, at string, v reflect.Value, value any) {
	t.Helper()
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		s.assign(t, at, v.Elem(), value)
	case reflect.Struct:
		s.assignFields(t, at, v, value.(map[string]any))
	case reflect.Interface:
		for alternative, inner := range value.(map[string]any) { // one
			member, ok := unions[v.Type().Name()+"Member"+title(alternative)]
			if !ok {
				t.Fatalf("%s: the SDK has no %s for %s", at, alternative, v.Type())
			}
			chosen := reflect.New(member)
			s.assign(t, at+"."+alternative, chosen.Elem().FieldByName("Value"), inner)
			v.Set(chosen)
		}
	case reflect.Slice:
		items := value.([]any)
		v.Set(reflect.MakeSlice(v.Type(), len(items), len(items)))
		for i := range items {
			s.assign(t, at, v.Index(i), items[i])
		}
	case reflect.String:
		v.SetString(value.(string))
	case reflect.Bool:
		v.SetBool(value.(bool))
	case reflect.Int32, reflect.Int64:
		v.SetInt(int64(value.(float64)))
	default:
		t.Fatalf("%s: what to do with a %s?", at, v.Type())
	}
}

func (s *service) assignFields(t *testing.T, at string, v reflect.Value, members map[string]any) {
	t.Helper()
	used := 0
	for i := range v.NumField() {
		field := v.Type().Field(i)
		if !field.IsExported() {
			continue
		}
		name := strings.ToLower(field.Name[:1]) + field.Name[1:]
		value, given := members[name]
		switch {
		case given:
			used++
			s.assign(t, at+"."+name, v.Field(i), value)
		case slices.Contains(s.model.Alternatives(v.Type().Name()), name), name == "limit", name == "nextToken":
		default:
			t.Errorf("%s.%s is not filled", at, name)
		}
	}
	if used != len(members) {
		t.Errorf("%s: %s has no field for some of %v", at, v.Type(), members)
	}
}

func title(name string) string { return strings.ToUpper(name[:1]) + name[1:] }

// full makes the inputs that fill every member of an operation's input, the owner included.
func (s *service) full(t *testing.T, operation string, named map[string]string) []any {
	t.Helper()
	model := s.model.Named(named)
	var inputs []any
	for _, r := range model.Valid(operation) {
		if _, ok := model.Shapes[model.Operations[operation].Input.Shape].Members["meshOwner"]; ok {
			r.Params["meshOwner"] = owner
		}
		input := s.newInput(t, r)
		if token := reflect.ValueOf(input).Elem().FieldByName("ClientToken"); token.IsValid() {
			token.Set(reflect.ValueOf(aws.String(uuid.NewString())))
		}
		inputs = append(inputs, input)
	}
	return inputs
}

// field is a field of what v points to.
func field(v any, name string) any { return reflect.ValueOf(v).Elem().FieldByName(name).Interface() }

// sdkTypes lets cmp look into the SDK's structs, which have an unexported member each.
var sdkTypes = cmp.Exporter(func(reflect.Type) bool { return true })

func TestEveryMemberRoundTrips(t *testing.T) {
	s := serve(t)
	s.populate(t)
	client := s.client()
	for _, info := range resource.Kinds {
		if info.Own {
			continue
		}
		t.Run(info.Title, func(t *testing.T) {
			named := map[string]string{info.NameMember: "made"}
			describe := s.full(t, "Describe"+info.Title, named)[0]
			remove := s.full(t, "Delete"+info.Title, named)[0]
			creates := s.full(t, "Create"+info.Title, named)
			for i, create := range creates {
				echoed(t, info.Title, create, call(t, client, "Create"+info.Title, create))
				echoed(t, info.Title, create, call(t, client, "Describe"+info.Title, describe))
				if i < len(creates)-1 {
					echoed(t, info.Title, create, call(t, client, "Delete"+info.Title, remove))
				}
			}
			updates := s.full(t, "Update"+info.Title, named)
			for _, update := range updates {
				echoed(t, info.Title, update, call(t, client, "Update"+info.Title, update))
				echoed(t, info.Title, update, call(t, client, "Describe"+info.Title, describe))
			}
			if len(creates) != len(updates) {
				t.Errorf("%d ways to fill a create, %d to fill an update", len(creates), len(updates))
			}
			t.Logf("%d alternatives", len(creates))
		})
	}
}

// echoed compares what an answer says of a resource with what was sent.
func echoed(t *testing.T, wrapper string, input, output any) {
	t.Helper()
	got := field(output, wrapper)
	if diff := cmp.Diff(field(input, "Spec"), field(got, "Spec"), sdkTypes); diff != "" {
		t.Errorf("sent (-), answered (+):\n%s", diff)
	}
	for _, info := range resource.Kinds {
		name := title(info.NameMember)
		sent, answered := reflect.ValueOf(input).Elem().FieldByName(name), reflect.ValueOf(got).Elem().FieldByName(name)
		if sent.IsValid() != answered.IsValid() || sent.IsValid() && sent.Elem().String() != answered.Elem().String() {
			t.Errorf("%s: sent %v, answered %v", name, sent, answered)
		}
	}
}

// TestEveryOperation calls all 38 operations, on a mesh's way from its making to its end.
func TestEveryOperation(t *testing.T) {
	s := serve(t)
	client := s.client()
	called := map[string]bool{}
	do := func(operation string) any {
		called[operation] = true
		return call(t, client, operation, s.full(t, operation, nil)[0])
	}
	var kinds []resource.Info
	for _, info := range resource.Kinds {
		if !info.Own {
			kinds = append(kinds, info)
		}
	}
	for _, info := range kinds {
		do("Create" + info.Title)
	}
	for _, info := range kinds {
		do("Update" + info.Title)
		described := field(do("Describe"+info.Title), info.Title)
		if version := field(field(described, "Metadata"), "Version").(*int64); *version != 2 {
			t.Errorf("%s: version %d after one update", info.Title, *version)
		}
		listed := reflect.ValueOf(field(do("List"+title(info.Collection)), title(info.Collection)))
		if listed.Len() != 1 {
			t.Fatalf("List%s gives %d items", title(info.Collection), listed.Len())
		}
		same(t, described, listed.Index(0).Addr().Interface())
	}
	for _, operation := range []string{"TagResource", "ListTagsForResource", "UntagResource"} {
		do(operation)
	}
	for _, info := range slices.Backward(kinds) {
		deleted := field(do("Delete"+info.Title), info.Title)
		if status := reflect.ValueOf(field(field(deleted, "Status"), "Status")).String(); status != "DELETED" {
			t.Errorf("%s: status %s after its deletion", info.Title, status)
		}
	}
	for operation, o := range s.model.Operations {
		if strings.HasPrefix(o.HTTP.RequestURI, "/v20190125/") && !called[operation] {
			t.Errorf("%s was not called", operation)
		}
	}
	if len(called) != 38 {
		t.Errorf("%d operations were called", len(called))
	}
}

// same compares what a description and a list say of one resource: the list's fields are some of the description's.
func same(t *testing.T, described, listed any) {
	t.Helper()
	item := reflect.ValueOf(listed).Elem()
	for i := range item.NumField() {
		name := item.Type().Field(i).Name
		if !item.Type().Field(i).IsExported() {
			continue
		}
		from := reflect.ValueOf(described).Elem()
		if !from.FieldByName(name).IsValid() {
			from = reflect.ValueOf(field(described, "Metadata")).Elem()
		}
		if diff := cmp.Diff(from.FieldByName(name).Interface(), item.Field(i).Interface()); diff != "" {
			t.Errorf("%s.%s: described (-), listed (+):\n%s", item.Type(), name, diff)
		}
	}
}
