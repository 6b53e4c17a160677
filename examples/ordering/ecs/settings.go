package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
)

// settings is what the context says: where the mesh is, and where the application goes.
type settings struct {
	api           string // https://ID.execute-api.REGION.amazonaws.com/mesh/
	apiID, stage  string
	vpc           string
	subnets       []string // of tasks
	publicSubnets []string // of the load balancer
	sidecarGroup  string   // whose members may reach the relays
	publicIP      bool
	explicit      bool
	artifacts     string
	uris          map[string]string // images in a registry, by name; else those of `make images`
}

// apiURL takes the API's id and stage out of its URL, for IAM.
var apiURL = regexp.MustCompile(`^https://([a-z0-9]+)\.execute-api\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?/([^/]+)/?$`)

// readSettings reports all that is missing or wrong.
func readSettings(context func(string) any) (settings, error) {
	var wrong []error
	text := func(key, standard string) string {
		switch v := context(key).(type) {
		case string:
			return v
		case bool:
			return fmt.Sprint(v)
		}
		return standard
	}
	must := func(key, pattern, want string) string {
		v := text(key, "")
		if !regexp.MustCompile(pattern).MatchString(v) {
			wrong = append(wrong, fmt.Errorf("-c %s=%q: want %s", key, v, want))
		}
		return v
	}
	const subnets = `^subnet-[0-9a-f]+(,subnet-[0-9a-f]+)+$`
	s := settings{
		api:           must("api", apiURL.String(), "the output Api of Ownmesh's stack"),
		vpc:           must("vpcId", `^vpc-[0-9a-f]+$`, "the output Vpc of Ownmesh's stack, or a VPC that reaches it"),
		subnets:       strings.Split(must("subnetIds", subnets, "two subnets or more, for tasks"), ","),
		publicSubnets: strings.Split(must("publicSubnetIds", subnets, "two public subnets or more, for the load balancer"), ","),
		sidecarGroup:  must("sidecarSecurityGroup", `^sg-[0-9a-f]+$`, "the output SidecarSecurityGroup of Ownmesh's stack"),
		artifacts:     text("artifacts", "../../../dist"),
		uris:          map[string]string{"sidecar": text("sidecarImage", ""), "ordering": text("orderingImage", "")},
	}
	for key, to := range map[string]*bool{"explicit": &s.explicit, "publicIp": &s.publicIP} {
		v := text(key, "false")
		*to = v == "true"
		if v != "true" && v != "false" {
			wrong = append(wrong, fmt.Errorf("-c %s=%q: want true or false", key, v))
		}
	}
	if m := apiURL.FindStringSubmatch(s.api); m != nil {
		s.apiID, s.stage = m[1], m[2]
	}
	return s, errors.Join(wrong...)
}

// tarball is where an image lies as CDK publishes it.
func (s settings) tarball(image string) string {
	return filepath.Join(s.artifacts, "images", image+"-arm64.tar")
}
