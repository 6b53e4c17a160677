package endpoint

// RefusalError says that a service directory won't do what was asked, because of what a user has, or lacks, there. It
// is no fault: it becomes a finding, and asking again is of use only after somebody changed something.
type RefusalError struct {
	Code    string // of the finding: namespace-missing
	Message string // what is so, and what happens now: starts in lower case, names values
	Hint    string // what to do about it
}

func (e *RefusalError) Error() string { return e.Message }

// Names are names that shall resolve in a namespace, whether anything is registered under them or not.
type Names struct {
	Namespace string   // shop.local
	Address   string   // IPv4 address that they resolve to
	Names     []string // whole names, below the namespace: cart.shop.local
	// Services are services of the namespace that have instances of their own: their names are left to these.
	Services []string
}
