package installation

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
)

// functions are the stack's Lambdas, in the order of the flow.
var functions = []string{"api", "dispatch", "compile", "register", "sweep"}

// mostFaults is how many lines of a Lambda are shown, the last ones, and longest how much of each.
const (
	mostFaults = 8
	longest    = 1000
)

// ShowFaults has what the Lambdas complain of told where a test fails.
func (i *Installation) ShowFaults(tb testing.TB) {
	tb.Cleanup(func() {
		if !tb.Failed() {
			return
		}
		for _, f := range functions {
			lines := slices.DeleteFunc(i.Log(tb, f), func(line string) bool {
				return !strings.Contains(line, `"level":"WARN"`) && !strings.Contains(line, `"level":"ERROR"`) && !strings.Contains(line, "panic")
			})
			for _, line := range lines[max(0, len(lines)-mostFaults):] {
				tb.Logf("%s: %s", f, line[:min(len(line), longest)])
			}
		}
	})
}

// Log is what a Lambda has logged.
func (i *Installation) Log(tb testing.TB, function string) []string {
	tb.Helper()
	var lines []string
	pages := cloudwatchlogs.NewFilterLogEventsPaginator(cloudwatchlogs.NewFromConfig(i.Config), &cloudwatchlogs.FilterLogEventsInput{
		LogGroupName: aws.String("/ownmesh/" + i.Name + "/" + function),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(context.Background()) // the test's own has ended in its cleanup
		if err != nil {
			tb.Errorf("read the log of %s: %v", function, err)
			return lines
		}
		for _, e := range page.Events {
			lines = append(lines, strings.TrimSpace(aws.ToString(e.Message)))
		}
	}
	return lines
}
