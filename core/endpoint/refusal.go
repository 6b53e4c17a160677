package endpoint

import "errors"

// RefusalError says that those outside, a service directory or who runs tasks, won't do what was asked, because of what a
// user has, lacks or may not do there. It is no fault: it becomes a finding, and asking again is of use only after
// somebody changed something. What passes by itself, as throttling and outages do, is never one.
type RefusalError struct {
	Kind    Refusal
	Code    string // of the finding: namespace-missing
	Message string // what is so, and what happens now: starts in lower case, names values; the same each time
	Hint    string // what to do about it
}

// Refusal is how much a refusal says.
type Refusal int

const (
	Refused Refusal = iota // this one thing is not taken: it is no good, too much, or not ours to change
	Missing                // what it is about is not there, nor anything of it
	Denied                 // who asks may not: all that is like it would be refused alike, and what is so isn't known
)

func (e *RefusalError) Error() string { return e.Message }

// RefusalOf is the refusal that err is; nil if it is none. Of joined errors it would hide the others: don't ask it there.
func RefusalOf(err error) *RefusalError {
	refusal := (*RefusalError)(nil)
	errors.As(err, &refusal)
	return refusal
}

// Names are names that shall resolve in a namespace, whether anything is registered under them or not.
type Names struct {
	Namespace string   // shop.local
	Address   string   // IPv4 address that they resolve to
	Names     []string // whole names, below the namespace: cart.shop.local
	// Services are services of the namespace that have instances of their own: their names are left to these.
	Services []string
}
