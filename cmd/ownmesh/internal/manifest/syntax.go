package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// This file: where YAML is broken. The library names the line where the surrounding list or object begins, counted
// from zero at times, and says what its parser expected; the line that people must mend can be some way below.

var yamlLine = regexp.MustCompile(`^yaml: line (\d+): `)

// furthest bounds how many lines below the library's are tried.
const furthest = 500

// yamlFault is the library's complaint about a document, with the line that brings it about and what it usually is.
func yamlFault(data []byte, err error) (line int, said string) {
	text := err.Error()
	m := yamlLine.FindStringSubmatch(text)
	if m == nil {
		return 0, strings.TrimPrefix(text, "yaml: ")
	}
	line, _ = strconv.Atoi(m[1]) // digits, by the expression
	line = faultyLine(data, text, max(line, 1))
	said = strings.TrimPrefix(text, m[0])
	lines := bytes.Split(data, []byte("\n"))
	if line > len(lines) {
		return line, said
	}
	indent := lines[line-1][:len(lines[line-1])-len(bytes.TrimLeft(lines[line-1], " \t"))]
	switch {
	case bytes.Contains(indent, []byte("\t")):
		said += ": YAML is indented by spaces, not by tabs"
	case strings.Contains(said, "expected key"), strings.Contains(said, "'-' indicator"), strings.Contains(said, "not allowed in this context"):
		said += ": is it indented like its neighbours?"
	case strings.Contains(said, "unexpected end of stream"):
		said += ": is a quotation mark missing?"
	}
	return line, said
}

// faultyLine is the first line from which on the file's beginning brings the same complaint as the whole.
func faultyLine(data []byte, complaint string, from int) int {
	end := 0
	for line := 1; line < from+furthest; line++ {
		next := bytes.IndexByte(data[end:], '\n')
		if next < 0 {
			break
		}
		end += next + 1
		if line >= from && complains(data[:end], complaint) {
			return line
		}
	}
	return from
}

func complains(data []byte, complaint string) bool {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var n yaml.Node
		if err := dec.Decode(&n); errors.Is(err, io.EOF) {
			return false
		} else if err != nil {
			return err.Error() == complaint
		}
	}
}

// whereFault names a document that could not be read, and the line if it is known.
func whereFault(file string, number, line int) string {
	if line == 0 {
		return fmt.Sprintf("%s: document %d", file, number)
	}
	return where(file, number, line)
}
