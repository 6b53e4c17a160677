package options

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// logDays is what CloudWatch Logs takes.
var logDays = []int{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}

// fargate is how much memory, in MiB, goes with CPU units.
var fargate = map[int]struct{ least, most, step int }{
	256:  {512, 2048, 512},
	512:  {1024, 4096, 1024},
	1024: {2048, 8192, 1024},
	2048: {4096, 16384, 1024},
	4096: {8192, 30720, 1024},
}

// check reports what is wrong between options that are right by themselves.
func (o Options) check() []string {
	var wrong []string
	fail := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if !slices.Contains(logDays, o.LogDays) {
		fail("logDays: %d is not among what CloudWatch Logs takes: %v", o.LogDays, logDays)
	}
	if o.VPCID != "" && len(o.SubnetIDs) < 2 {
		fail("subnetIds: has %d subnets; vpcId needs two or more, in two zones", len(o.SubnetIDs))
	}
	if o.VPCID == "" && len(o.SubnetIDs) > 0 {
		fail("subnetIds: needs vpcId, the VPC that they are in")
	}
	if o.NamespaceID != "" && (o.NamespaceName == "" || o.NamespaceARN == "") {
		fail("namespaceId: needs namespaceName and namespaceArn of the same namespace")
	}
	if o.NamespaceID == "" && o.NamespaceARN != "" {
		fail("namespaceArn: needs namespaceId and namespaceName of the same namespace")
	}
	if o.NamespaceID != "" && o.NamespaceARN != "" && !strings.HasSuffix(o.NamespaceARN, "/"+o.NamespaceID) {
		fail("namespaceArn: %q is not the ARN of namespaceId %q", o.NamespaceARN, o.NamespaceID)
	}
	if o.RelayMax < o.RelayMin {
		fail("relayMax: %d is less than relayMin, %d", o.RelayMax, o.RelayMin)
	}
	size, ok := fargate[o.RelayCPU]
	m := o.RelayMemory
	if !ok {
		fail("relayCpu: %d is not among what Fargate has: 256, 512, 1024, 2048, 4096", o.RelayCPU)
	} else if m < size.least || m > size.most || m%size.step != 0 || o.RelayCPU == 256 && m == 1536 {
		fail("relayMemory: %d does not go with relayCpu %d: Fargate has %d to %d in steps of %d", m, o.RelayCPU, size.least, size.most, size.step)
	}
	return wrong
}

func text(field func(*Options) *string) func(*Options, string) error {
	return func(o *Options, text string) error { *field(o) = text; return nil }
}

// matching takes text that a pattern describes.
func matching(field func(*Options) *string, pattern, complaint string) func(*Options, string) error {
	re := regexp.MustCompile(pattern)
	return func(o *Options, text string) error {
		if !re.MatchString(text) {
			return fmt.Errorf("%s", complaint)
		}
		*field(o) = text
		return nil
	}
}

// list takes texts with commas between them.
func list(field func(*Options) *[]string, pattern, complaint string) func(*Options, string) error {
	re := regexp.MustCompile(pattern)
	return func(o *Options, text string) error {
		for _, part := range split(text) {
			if !re.MatchString(part) {
				return fmt.Errorf("holds %q, which %s", part, complaint)
			}
			if slices.Contains(*field(o), part) {
				return fmt.Errorf("holds %q twice", part)
			}
			*field(o) = append(*field(o), part)
		}
		return nil
	}
}

// addresses takes a range of IPv4 addresses.
func addresses(field func(*Options) *string, largest, smallest int) func(*Options, string) error {
	return func(o *Options, text string) error {
		p, err := netip.ParsePrefix(text)
		if err != nil || !p.Addr().Is4() || p.Bits() < largest || p.Bits() > smallest || p != p.Masked() {
			return fmt.Errorf("is no range of IPv4 addresses of /%d to /%d, such as 10.83.0.0/16", largest, smallest)
		}
		*field(o) = text
		return nil
	}
}

// interval takes a time as Go writes it, which is how the relay reads it.
func interval(field func(*Options) *string, least, most time.Duration) func(*Options, string) error {
	return func(o *Options, text string) error {
		d, err := time.ParseDuration(text)
		if err != nil || d < least || d > most {
			return fmt.Errorf("is no time between %v and %gs", least, most.Seconds())
		}
		*field(o) = text
		return nil
	}
}

func number(field func(*Options) *int, least, most int) func(*Options, string) error {
	return func(o *Options, text string) error {
		n, err := strconv.Atoi(text)
		if err != nil || n < least || n > most {
			return fmt.Errorf("is not a whole number from %d to %d", least, most)
		}
		*field(o) = n
		return nil
	}
}

func boolean(field func(*Options) *bool) func(*Options, string) error {
	return func(o *Options, text string) error {
		*field(o) = text == "true"
		return among(text, "true", "false")
	}
}

func among(text string, choices ...string) error {
	if slices.Contains(choices, text) {
		return nil
	}
	return fmt.Errorf("is none of %s", strings.Join(choices, ", "))
}

// name is what App Mesh allows as the name of a mesh, node or gateway.
var name = regexp.MustCompile(`^[A-Za-z0-9_-]{1,255}$`)

func setProxies(o *Options, text string) error {
	for _, part := range split(text) {
		words := strings.Split(part, "/")
		if len(words) != 3 || !name.MatchString(words[0]) || !name.MatchString(words[2]) ||
			words[1] != "virtualNode" && words[1] != "virtualGateway" {
			return fmt.Errorf("holds %q; want <mesh>/virtualNode/<name> or <mesh>/virtualGateway/<name>", part)
		}
		p := Proxy{Mesh: words[0], Kind: words[1], Name: words[2]}
		if slices.Contains(o.Sidecars, p) {
			return fmt.Errorf("holds %q twice", part)
		}
		o.Sidecars = append(o.Sidecars, p)
	}
	return nil
}

func split(text string) []string {
	var parts []string
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, part)
		}
	}
	return parts
}
