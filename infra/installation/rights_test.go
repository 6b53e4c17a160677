package installation_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ownmesh/ownmesh/infra/installation"
)

// statement is one of a policy, with single values made lists.
type statement struct {
	in         string // logical id of the policy or role
	effect     string
	actions    []string
	resources  []string // as JSON
	conditions string
}

// statements are all that roles are allowed, in policies of all kinds. Policies of resources are not among them: their
// "*" is the resource itself.
func (t template) statements() []statement {
	var all []statement
	for id, r := range t.Resources {
		switch r.Type {
		case "AWS::IAM::Policy", "AWS::IAM::ManagedPolicy":
			all = append(all, read(id, r.Properties["PolicyDocument"])...)
		case "AWS::IAM::Role":
			policies, _ := r.Properties["Policies"].([]any)
			for _, p := range policies {
				all = append(all, read(id, p.(map[string]any)["PolicyDocument"])...)
			}
		}
	}
	return all
}

func read(id string, document any) []statement {
	var all []statement
	for _, s := range list(document.(map[string]any)["Statement"]) {
		m := s.(map[string]any)
		st := statement{in: id, effect: m["Effect"].(string), conditions: text(m["Condition"])}
		for _, a := range list(m["Action"]) {
			st.actions = append(st.actions, a.(string))
		}
		for _, r := range list(m["Resource"]) {
			st.resources = append(st.resources, text(r))
		}
		all = append(all, st)
	}
	return all
}

func list(v any) []any {
	if l, ok := v.([]any); ok {
		return l
	}
	return []any{v}
}

// layouts are the installations whose rights are looked at: they differ in what they make.
func layouts() map[string]template {
	return map[string]template{
		"standard": standard(),
		"existing": existing(),
		"local":    local(),
	}
}

func TestNothingIsAllowedAnywhereThatAWSAllowsMoreNarrowly(t *testing.T) {
	for name, tpl := range layouts() {
		statements := tpl.statements()
		if len(statements) < 20 {
			t.Fatalf("%s: found only %d statements: looked in the wrong place", name, len(statements))
		}
		for _, s := range statements {
			for _, action := range s.actions {
				if strings.Contains(action, "*") {
					t.Errorf("%s: %s allows %s: name the actions", name, s.in, action)
				}
				if slices.Contains(s.resources, `"*"`) && installation.Anywhere[action] == "" {
					t.Errorf("%s: %s allows %s on *: name the resources, or give the reason in Anywhere", name, s.in, action)
				}
			}
		}
	}
}

func TestRolesHaveNoPoliciesOfAWSThatMayGrow(t *testing.T) {
	for name, tpl := range layouts() {
		for id, r := range tpl.of("AWS::IAM::Role") {
			if got := r.Properties["ManagedPolicyArns"]; got != nil {
				t.Errorf("%s: %s has %s", name, id, text(got))
			}
		}
	}
}

// who is which roles may do something: the part of the logical id before "Role".
func who(tpl template, action string) []string {
	var found []string
	for _, s := range tpl.statements() {
		if slices.Contains(s.actions, action) {
			name, _, _ := strings.Cut(s.in, "Role")
			found = append(found, name)
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

func TestWhoMayDoWhat(t *testing.T) {
	for action, want := range map[string][]string{
		"s3:DeleteObject":                   {"Sweep"}, // only the collector deletes
		"s3:PutObject":                      {"Compile", "Register", "RelayTaskTask", "Sweep"},
		"s3:ListBucket":                     {"Api", "Compile", "Register", "RelayTaskTask", "Sweep"}, // else what isn't there is 403
		"kms:Sign":                          {"Api", "RelayTaskTask"},
		"servicediscovery:RegisterInstance": {"Register"},
		"servicediscovery:DeleteService":    {"Register"},
		"ecs:DescribeTasks":                 {"Register"},
		"execute-api:Invoke":                {"Operators", "Readers", "Sidecar"},
		"events:PutEvents":                  {"Compile", "Dispatch", "Register", "RelayTaskTask", "Sweep"},
		"dynamodb:GetRecords":               {"Dispatch"}, // a stream takes two readers
		"dynamodb:Query":                    {"Api", "Compile", "Register", "Sweep"},
		"dynamodb:BatchGetItem":             {"Api", "Register", "Sweep"}, // who lists meshes
		"dynamodb:Scan":                     {"Api"},                      // of instances
	} {
		got := who(standard(), action)
		if action == "execute-api:Invoke" {
			for i, name := range got {
				got[i] = regexp.MustCompile(`^(Operators|Readers|Sidecar).*`).ReplaceAllString(name, "$1")
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: allowed to %v, want %v", action, got, want)
		}
	}
}

// TestSweepWritesNothingButItsMemory: it deletes from logs, and has nothing to write there.
func TestSweepWritesNothingButItsMemory(t *testing.T) {
	for _, s := range standard().statements() {
		if strings.HasPrefix(s.in, "SweepRole") && slices.Contains(s.actions, "s3:PutObject") && !strings.Contains(text(s.resources), "/meshes/*/converged") {
			t.Errorf("it may write %v", s.resources)
		}
	}
}

func TestOnlyTheAPIWritesMeshes(t *testing.T) {
	table, _ := standard().one(t, "AWS::DynamoDB::Table", "Meshes")
	for _, s := range standard().statements() {
		writes := slices.ContainsFunc(s.actions, func(a string) bool {
			return slices.Contains([]string{"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"}, a)
		})
		if writes && slices.ContainsFunc(s.resources, func(r string) bool { return strings.Contains(r, table) }) && !strings.HasPrefix(s.in, "ApiRole") {
			t.Errorf("%s may write meshes", s.in)
		}
	}
}

// TestKeysSignForOneRole: the account's other roles can't be allowed to sign by any IAM policy, since the key's own
// policy lets the account manage the key alone.
func TestKeysSignForOneRole(t *testing.T) {
	for prefix, role := range map[string]string{"TokenKey": "ApiRole", "RelayCaKey": "RelayTaskTaskRole"} {
		_, key := standard().one(t, "AWS::KMS::Key", prefix)
		if key.Properties["KeySpec"] != "ECC_NIST_P256" || key.Properties["KeyUsage"] != "SIGN_VERIFY" {
			t.Errorf("%s is %v for %v", prefix, key.Properties["KeySpec"], key.Properties["KeyUsage"])
		}
		var signers []string
		for _, s := range list(key.Properties["KeyPolicy"].(map[string]any)["Statement"]) {
			m := s.(map[string]any)
			for _, action := range list(m["Action"]) {
				if a := action.(string); allows(a, "kms:Sign") {
					signers = append(signers, text(m["Principal"]))
				} else if allows(a, "kms:CreateGrant") {
					t.Errorf("%s: %s lets %s have others sign, by a grant", prefix, a, text(m["Principal"]))
				}
			}
		}
		if len(signers) != 1 || !strings.Contains(signers[0], role) {
			t.Errorf("%s: signed with by %v, want %s alone", prefix, signers, role)
		}
	}
}

// allows tells whether an action of a policy, which may end with a star, is or covers another.
func allows(pattern, action string) bool {
	prefix, star := strings.CutSuffix(pattern, "*")
	return pattern == action || star && strings.HasPrefix(action, prefix)
}

// TestCloudMapIsChangedOnlyWhereItIsOurs: a service that somebody else made has no tag of ours.
func TestCloudMapIsChangedOnlyWhereItIsOurs(t *testing.T) {
	changes := 0
	for _, s := range standard().statements() {
		for _, action := range s.actions {
			var key string
			switch action {
			case "servicediscovery:CreateService", "servicediscovery:TagResource":
				key = "aws:RequestTag/ownmesh:mesh"
			case "servicediscovery:RegisterInstance", "servicediscovery:DeregisterInstance", "servicediscovery:DeleteService":
				key = "aws:ResourceTag/ownmesh:mesh"
			default:
				continue
			}
			changes++
			if want := fmt.Sprintf(`{"Null":{%q:"false"}}`, key); s.conditions != want {
				t.Errorf("%s on condition %s, want %s", action, s.conditions, want)
			}
		}
	}
	if changes != 5 {
		t.Errorf("looked at %d changes, want 5", changes)
	}
}

// TestASidecarGetsTokensOfItsOwnAlone: the managed policy names one mesh, kind and node.
func TestASidecarGetsTokensOfItsOwnAlone(t *testing.T) {
	id, policy := standard().one(t, "AWS::IAM::ManagedPolicy", "Sidecar")
	got := text(policy.Properties["PolicyDocument"])
	for _, want := range []string{"/mesh/POST/v1/meshes/ordering/proxies/virtualNode/ui/token", "/mesh/GET/v1/meshes/ordering/proxies/virtualNode/ui/addresses"} {
		if !strings.Contains(got, want) {
			t.Errorf("%s lacks %s: %s", id, want, got)
		}
	}
	if strings.Contains(got, "*") {
		t.Errorf("%s has a wildcard: %s", id, got)
	}
	for _, kind := range []string{"Operators", "Readers"} {
		_, other := standard().one(t, "AWS::IAM::ManagedPolicy", kind)
		if got := text(other.Properties["PolicyDocument"]); strings.Contains(got, "POST") || strings.Contains(got, "mesh/*/v1/") {
			t.Errorf("%s may fetch tokens, and so be any proxy: %s", kind, got)
		}
	}
}
