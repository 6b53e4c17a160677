package golden

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("input", "x")
	write("same", "a\nb\n")
	write("other", "a\nb\n")
	write("orphan", "x")
	made := map[string][]byte{"same": []byte("a\nb\n"), "other": []byte("a\nc\n"), "new": []byte("n")}
	problems := check(dir, made, []string{"input"}, false)
	if len(problems) != 3 {
		t.Fatalf("problems: %q", problems)
	}
	for i, want := range []string{"new is missing", "orphan is an orphan", "other differs"} {
		if !strings.Contains(problems[i], want) {
			t.Errorf("%q does not say %q", problems[i], want)
		}
	}
	if problems := check(dir, made, []string{"input"}, true); len(problems) > 0 {
		t.Fatalf("refreshing: %q", problems)
	}
	if problems := check(dir, made, []string{"input"}, false); len(problems) > 0 {
		t.Errorf("after a refresh: %q", problems)
	}
	if _, err := os.Stat(filepath.Join(dir, "input")); err != nil {
		t.Error("a refresh took what the test reads")
	}
}
