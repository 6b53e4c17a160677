package api

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
)

const arns = "arn:aws:appmesh:us-east-1:123456789012:"

func (s *server) tagPath(op, arn string) string { return op + "?resourceArn=" + url.QueryEscape(arn) }

// tags is all tags of a resource as "key=value".
func (s *server) tags(arn string) []string {
	s.t.Helper()
	all := []string{}
	for _, item := range s.get(s.tagPath("tags", arn)).ok()["tags"].([]any) {
		o := item.(map[string]any)
		all = append(all, o["key"].(string)+"="+o["value"].(string))
	}
	return all
}

// tagList is n tags as JSON, k<from> and on.
func tagList(from, n int) string {
	var tags []string
	for i := range n {
		tags = append(tags, fmt.Sprintf(`{"key":"k%03d","value":"v"}`, from+i))
	}
	return "[" + strings.Join(tags, ",") + "]"
}

func TestTagsOfEveryKind(t *testing.T) {
	s := newServer(t)
	shop(s)
	s.put("meshes", `{"meshName":"m","tags":[{"key":"b","value":"1"},{"key":"a"}]}`).ok()
	s.put("meshes/shop/virtualNodes", `{"virtualNodeName":"a/b","spec":{},"tags":[{"key":"b","value":"1"},{"key":"a","value":""}]}`).ok()
	s.put("meshes/shop/virtualRouter/cart-vr/routes", `{"routeName":"r","spec":`+routeSpec("cart", 0)+`,"tags":[{"key":"b","value":"1"},{"key":"a"}]}`).ok()
	for _, arn := range []string{
		arns + "mesh/m", arns + "mesh/shop/virtualNode/a/b", arns + "mesh/shop/virtualRouter/cart-vr/route/r",
		arns + "mesh/shop/virtualRouter/cart-vr", arns + "mesh/shop/virtualService/cart.shop.local",
		arns + "mesh/shop/virtualGateway/front", arns + "mesh/shop/virtualGateway/front/gatewayRoute/in",
	} {
		before := s.generation("shop")
		if len(s.tags(arn)) == 0 {
			s.put(s.tagPath("tag", arn), `{"tags":[{"key":"b","value":"1"},{"key":"a","value":""}]}`).equal(`{}`)
		}
		if got, want := s.tags(arn), []string{"a=", "b=1"}; !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", arn, got, want)
		}
		s.put(s.tagPath("tag", arn), `{"tags":[{"key":"b","value":"2"},{"key":"c","value":"3"}]}`).equal(`{}`)
		s.put(s.tagPath("untag", arn), `{"tagKeys":["a","never"]}`).equal(`{}`)
		if got, want := s.tags(arn), []string{"b=2", "c=3"}; !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", arn, got, want)
		}
		if after := s.generation("shop"); after != before {
			t.Errorf("%s: tags moved generation %d to %d", arn, before, after)
		}
	}
}

func TestTagsStayOverUpdatesAndGoWithTheirResource(t *testing.T) {
	s := newServer(t)
	s.put("meshes", `{"meshName":"shop","tags":[{"key":"a","value":"1"}]}`).ok()
	s.put("meshes/shop", `{"spec":{}}`).ok()
	s.put("meshes/shop/virtualNodes", `{"virtualNodeName":"n","spec":{},"tags":[{"key":"a","value":"1"}]}`).ok()
	s.put("meshes/shop/virtualNodes/n", `{"spec":{}}`).ok()
	for _, arn := range []string{arns + "mesh/shop", arns + "mesh/shop/virtualNode/n"} {
		if got := s.tags(arn); !slices.Equal(got, []string{"a=1"}) {
			t.Errorf("%s after an update: %v", arn, got)
		}
	}
	s.delete("meshes/shop/virtualNodes/n").ok()
	s.get(s.tagPath("tags", arns+"mesh/shop/virtualNode/n")).failsWith(notFound)
	s.put("meshes/shop/virtualNodes", nodeBody("n")).ok()
	if got := s.tags(arns + "mesh/shop/virtualNode/n"); len(got) != 0 {
		t.Errorf("a node made again has tags %v", got)
	}
	s.delete("meshes/shop/virtualNodes/n").ok()
	s.delete("meshes/shop").ok()
	s.put("meshes", `{"meshName":"shop"}`).ok()
	if got := s.tags(arns + "mesh/shop"); len(got) != 0 {
		t.Errorf("a mesh made again has tags %v", got)
	}
}

func TestTagBounds(t *testing.T) {
	s := newServer(t)
	s.put("meshes", `{"meshName":"shop"}`).ok()
	arn := arns + "mesh/shop"
	s.put(s.tagPath("tag", arn), `{"tags":`+tagList(0, 50)+`}`).ok()
	s.put(s.tagPath("tag", arn), `{"tags":`+tagList(49, 2)+`}`).failsWith(tooManyTags) // one of them new
	s.put(s.tagPath("tag", arn), `{"tags":`+tagList(0, 51)+`}`).failsWith(tooManyTags)
	s.put(s.tagPath("tag", arn), `{"tags":[{"key":"k000","value":"new"}]}`).ok() // replaces
	if got := s.tags(arn); len(got) != 50 || got[0] != "k000=new" || got[49] != "k049=v" {
		t.Errorf("%d tags: %v", len(got), got)
	}
	s.put("meshes", `{"meshName":"m","tags":`+tagList(0, 51)+`}`).failsWith(badRequest)
	s.get("meshes/m").failsWith(notFound)
	for _, tags := range []string{
		`[{"key":"aws:x","value":""}]`, `[{"key":"","value":""}]`, `[{"value":""}]`, `[{"key":1,"value":""}]`, `{}`,
		`[{"key":"` + strings.Repeat("k", 129) + `","value":""}]`, `[{"key":"a","value":"` + strings.Repeat("v", 257) + `"}]`,
	} {
		s.put(s.tagPath("tag", arn), `{"tags":`+tags+`}`).failsWith(badRequest)
		s.put("meshes", `{"meshName":"m","tags":`+tags+`}`).failsWith(badRequest)
	}
	s.put(s.tagPath("tag", arn), `{}`).failsWith(badRequest)
	s.put(s.tagPath("untag", arn), `{}`).failsWith(badRequest)
	s.put(s.tagPath("untag", arn), `{"tagKeys":["`+strings.Join(strings.Split(strings.Repeat("a", 51), ""), `","`)+`"]}`).failsWith(badRequest)
	if got := s.tags(arn); len(got) != 50 {
		t.Errorf("%d tags after refused requests", len(got))
	}
}

func TestTagPages(t *testing.T) {
	s := newServer(t)
	s.put("meshes", `{"meshName":"shop","tags":`+tagList(0, 7)+`}`).ok()
	want, _ := s.pages(s.tagPath("tags", arns+"mesh/shop"), "tags", "key", 50, func() {})
	if len(want) != 7 || !slices.IsSorted(want) {
		t.Fatalf("%v", want)
	}
	for _, limit := range []int{1, 3, 7} {
		if got, _ := s.pages(s.tagPath("tags", arns+"mesh/shop"), "tags", "key", limit, func() {}); !slices.Equal(got, want) {
			t.Errorf("by %d: %v", limit, got)
		}
	}
}

func TestTagsOfWhatIsNotThere(t *testing.T) {
	s := newServer(t)
	shop(s)
	for _, op := range [][3]string{{"GET", "tags", ""}, {"PUT", "tag", `{"tags":[{"key":"a","value":""}]}`}, {"PUT", "untag", `{"tagKeys":["a"]}`}} {
		for _, arn := range []string{
			arns + "mesh/none", arns + "mesh/shop/virtualNode/none", arns + "mesh/shop/virtualRouter/cart-vr/route/none",
			"arn:aws:appmesh:us-east-1:999999999999:mesh/shop", "arn:aws-cn:appmesh:cn-north-1:123456789012:mesh/shop",
		} {
			s.ask(op[0], "/v20190125/"+s.tagPath(op[1], arn), op[2]).fails(notFound, "There is no resource with ARN "+arn)
		}
		for _, arn := range []string{"", "mesh/shop", "arn:aws:s3:::bucket", "arn:aws:appmesh:us-east-1:123456789012:vertex/shop"} {
			message := s.ask(op[0], "/v20190125/"+s.tagPath(op[1], arn), op[2]).failsWith(badRequest)
			if !strings.Contains(message, "resourceArn") {
				t.Errorf("%q: %s", arn, message)
			}
		}
		s.ask(op[0], "/v20190125/"+op[1], op[2]).fails(badRequest, "resourceArn is required")
	}
	// The region is that of whoever asked for the ARN.
	s.get(s.tagPath("tags", "arn:aws:appmesh:eu-west-1:123456789012:mesh/shop")).ok()
}
