package environment

import (
	"encoding/json"
	"fmt"
)

// This file: X-Ray's sampling rules. Envoy falls back to its own rules without a word where it can't read a manifest,
// so they are checked here.

const manifestVersion = 2

type samplingRule struct {
	Host       *string  `json:"host"`
	Method     *string  `json:"http_method"`
	Path       *string  `json:"url_path"`
	FixedTotal *int     `json:"fixed_target"` // requests a second
	Rate       *float64 `json:"rate"`         // share of the rest
}

// manifest is the file if there is one, else rules made of the rate; "" leaves Envoy's own: one request a second and
// 5 % of the rest.
func (r *reader) manifest() string {
	const name = "XRAY_SAMPLING_RULE_MANIFEST"
	rate := r.share("XRAY_SAMPLING_RATE")
	if path := r.text(name); path != "" {
		b := r.content(name)
		if b == nil {
			return "" // reported
		}
		if err := checkManifest(b); err != nil {
			r.wrong(name, path, fmt.Sprintf("must name X-Ray sampling rules of version 2: %v", err))
		}
		return string(b)
	}
	if rate == nil {
		return ""
	}
	return fmt.Sprintf(`{"version":2,"default":{"fixed_target":1,"rate":%v},"rules":[]}`, *rate)
}

func checkManifest(b []byte) error {
	var m struct {
		Version int            `json:"version"`
		Default *samplingRule  `json:"default"`
		Rules   []samplingRule `json:"rules"`
	}
	if err := json.Unmarshal(b, &m); err != nil {
		return err
	}
	if m.Version != manifestVersion {
		return fmt.Errorf("its version is %d", m.Version)
	}
	if m.Default == nil {
		return fmt.Errorf("it has no default")
	}
	if err := m.Default.check("default"); err != nil {
		return err
	}
	for i, rule := range m.Rules {
		what := fmt.Sprintf("rules[%d]", i)
		if rule.Host == nil || rule.Method == nil || rule.Path == nil {
			return fmt.Errorf("%s must have host, http_method and url_path", what)
		}
		if err := rule.check(what); err != nil {
			return err
		}
	}
	return nil
}

func (s samplingRule) check(what string) error {
	if s.FixedTotal == nil || *s.FixedTotal < 0 {
		return fmt.Errorf("%s.fixed_target must be a number from 0", what)
	}
	if s.Rate == nil || !(*s.Rate >= 0 && *s.Rate <= 1) {
		return fmt.Errorf("%s.rate must be between 0 and 1", what)
	}
	return nil
}
