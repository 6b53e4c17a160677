package graph

import (
	"strings"

	"github.com/ownmesh/ownmesh/core/resource"
)

// AccessLog is a file that a proxy logs each request and connection to. Without Text and JSON, in Envoy's own format.
type AccessLog struct {
	Path string
	Text string
	JSON []resource.JSONFormatRef // keys occur once
}

const formatHint = "see https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage; a literal % is written %%"

// readAccessLog reads an access log; nil if there is none, or none that Envoy would take.
func readAccessLog(l *resource.Logging, path string, n *Notes) *AccessLog {
	if l == nil || l.AccessLog == nil || l.AccessLog.File == nil {
		return nil
	}
	file := l.AccessLog.File
	path += ".accessLog.file"
	if file.Path == "" || strings.HasSuffix(file.Path, "/") || hasControl(file.Path) {
		n.add("access-log-path", path+".path", quoted("%s is no file's path: nothing is logged", file.Path), "use a file that Envoy may write to, or /dev/stdout")
		return nil
	}
	a := &AccessLog{Path: file.Path}
	if file.Format == nil {
		return a
	}
	if problem := checkFormat(file.Format.Text); problem != "" {
		n.add("access-log-format", path+".format.text", problem+": Envoy's own format is used", formatHint)
	} else {
		a.Text = file.Format.Text
	}
	seen := map[string]bool{}
	for i, ref := range file.Format.JSON {
		item := at(path+".format.json", i)
		switch problem := checkFormat(ref.Value); {
		case problem != "":
			n.add("access-log-format", item+".value", problem+": the key is left out", formatHint)
		case seen[ref.Key]:
			n.add("access-log-key", item+".key", quoted("key %s is given before: the first counts", ref.Key), "remove this one")
		default:
			seen[ref.Key] = true
			a.JSON = append(a.JSON, ref)
		}
	}
	return a
}
