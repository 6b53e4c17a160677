package eventbridge_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	awseb "github.com/aws/aws-sdk-go-v2/service/eventbridge"

	"github.com/ownmesh/ownmesh/events"
	"github.com/ownmesh/ownmesh/internal/emulator"
)

var block = regexp.MustCompile("(?s)```json\n(.*?)```")

// asked is, for examples that ask for what the samples rightly don't show, what to change in those.
var asked = map[string][2]string{
	events.TypeEndpointsChanged: {`"instances": 6`, `"instances": 0`},
	events.TypeProxyConnected:   {`"resource": "virtualNode/cart"`, `"resource": "virtualGateway/cart"`},
}

// TestTheDocumentedRulesMatch: docs/events.md shows each sample as it is, and a rule that matches it.
func TestTheDocumentedRulesMatch(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/events.md")
	if err != nil {
		t.Fatal(err)
	}
	client := awseb.NewFromConfig(emulator.Config(t))
	for _, detailType := range events.Types {
		_, section, found := strings.Cut(string(page), "\n## "+detailType+"\n")
		section, _, _ = strings.Cut(section, "\n## ")
		blocks := block.FindAllStringSubmatch(section, -1)
		if !found || len(blocks) != 2 {
			t.Errorf("docs/events.md has no section %s with a rule and a sample", detailType)
			continue
		}
		rule, sample := blocks[0][1], blocks[1][1]
		name := strings.ReplaceAll(strings.ToLower(detailType), " ", "-") + ".json"
		want, err := os.ReadFile(filepath.Join("../../events/testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		if sample != string(want) {
			t.Errorf("docs/events.md shows another sample of %s than events/testdata/%s", detailType, name)
		}
		matches := func(event string) bool {
			out, err := client.TestEventPattern(t.Context(), &awseb.TestEventPatternInput{EventPattern: &rule, Event: &event})
			if err != nil {
				t.Fatalf("%s: %v", rule, err)
			}
			return out.Result
		}
		event := sample
		if change, ok := asked[detailType]; ok {
			if matches(event) {
				t.Errorf("the rule of %s matches its sample, which it is not meant for", detailType)
			}
			event = strings.Replace(event, change[0], change[1], 1)
		}
		if !matches(event) {
			t.Errorf("the rule of %s does not match\n%s", detailType, event)
		}
		if other := strings.Replace(event, `"source": "ownmesh"`, `"source": "aws.ecs"`, 1); matches(other) {
			t.Errorf("the rule of %s matches events of others", detailType)
		}
	}
}
