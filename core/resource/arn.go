package resource

import (
	"errors"
	"fmt"
	"strings"
)

// This file: ARNs, from text. Key.ARN makes them.

// ARNParse reads the ARN of a mesh or of a resource in one: arn:aws:appmesh:eu-west-1:123456789012:mesh/shop/virtualNode/cart.
// For the mesh itself, key is that of the mesh.
//
// Names may hold slashes and ARNs escape nothing, so the mesh's name ends at the first /virtualNode/ (or another kind)
// and a router's at the first /route/: a mesh or parent with such a piece in its own name is not found by ARN.
func ARNParse(arn string) (partition, region, account, mesh string, key Key, err error) {
	fail := func(why string) (string, string, string, string, Key, error) {
		return "", "", "", "", Key{}, errors.New(why)
	}
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" {
		return fail("it does not read arn:partition:appmesh:region:account:mesh/…")
	}
	partition, region, account = parts[1], parts[3], parts[4]
	if partition == "" || region == "" || account == "" {
		return fail("partition, region or account is empty")
	}
	if parts[2] != "appmesh" {
		return fail(fmt.Sprintf("its service is %s, not appmesh", quoted(parts[2])))
	}
	rest, ok := strings.CutPrefix(parts[5], string(KindMesh)+"/")
	if !ok {
		return fail("what it names does not start with mesh/")
	}
	mesh, key = splitMesh(rest)
	if mesh == "" || key.Name == "" || (key.Parent == "" && isChild(key.Kind)) {
		return fail("a name in it is empty")
	}
	return partition, region, account, mesh, key, nil
}

// splitMesh reads what stands behind mesh/.
func splitMesh(rest string) (mesh string, key Key) {
	at, kind := len(rest), KindMesh
	for _, info := range Kinds {
		if info.Kind == KindMesh || info.Parent != "" {
			continue
		}
		if i := strings.Index(rest, "/"+string(info.Kind)+"/"); i >= 0 && i < at {
			at, kind = i, info.Kind
		}
	}
	mesh = rest[:at]
	if kind == KindMesh {
		return mesh, Key{Kind: KindMesh, Name: mesh}
	}
	name := rest[at+len(kind)+2:]
	for _, info := range Kinds {
		if info.Parent != kind {
			continue
		}
		if parent, child, ok := strings.Cut(name, "/"+string(info.Kind)+"/"); ok {
			return mesh, Key{Kind: info.Kind, Parent: parent, Name: child}
		}
	}
	return mesh, Key{Kind: kind, Name: name}
}

func isChild(k Kind) bool {
	info, ok := InfoOf(k)
	return ok && info.Parent != ""
}
