package terraform

import (
	"encoding/json"
	"strings"
)

// Life makes the mesh of shop, changes it, imports it into a state that knows nothing, and removes it: after each step
// Terraform must find nothing left to change.
func (f *Folder) Life() {
	f.tb.Helper()
	f.Run("apply", "-auto-approve")
	f.settled("made")
	f.Run("apply", "-auto-approve", "-var=changed=true")
	f.settled("changed", "-var=changed=true")
	f.Forget()
	out := f.Run("apply", "-auto-approve", "-var=changed=true")
	if !strings.Contains(out, " imported, 0 added, 0 changed, 0 destroyed.") {
		f.tb.Errorf("to import finds differences: %s", out)
	}
	f.sameData()
	f.Run("destroy", "-auto-approve", "-var=changed=true")
}

// settled checks that a plan is empty. An exit code would count outputs, too.
func (f *Folder) settled(when string, arguments ...string) {
	f.tb.Helper()
	if out := f.Run(append([]string{"plan"}, arguments...)...); strings.Contains(out, "\nPlan: ") {
		f.tb.Errorf("%s, and there is something left to change: %s", when, out)
	}
}

// sameData checks that data sources say what resources do.
func (f *Folder) sameData() {
	f.tb.Helper()
	var same map[string]bool
	out, err := f.command("output", "-json", "same").Output()
	if err == nil {
		err = json.Unmarshal(out, &same)
	}
	if err != nil || len(same) != 7 {
		f.tb.Fatalf("terraform output: %v: %s; want 7 kinds", err, out)
	}
	for kind, ok := range same {
		if !ok {
			f.tb.Errorf("the data source of a %s says something else than its resource", kind)
		}
	}
}
