package store

import (
	"bytes"
	"encoding/json"
)

// Encode is JSON that keeps embedded JSON, such as specs, as it is but for white space: <, > and & too. Stores keep values
// so, and the API answers so.
func Encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
