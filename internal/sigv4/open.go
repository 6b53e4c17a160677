package sigv4

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
)

// Options say with whose credentials to sign. Empty ones mean what every AWS tool takes: AWS_PROFILE, AWS_REGION and the
// rest of the default chain.
type Options struct {
	Profile string
	Region  string
}

// ofAWS is the host of an API Gateway stage, which names its region.
var ofAWS = regexp.MustCompile(`^[a-z0-9-]+\.execute-api\.([a-z0-9-]+)\.(amazonaws\.com|amazonaws\.com\.cn|api\.aws)$`)

// ParseURL reads the URL of a deployed API, such as https://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com/mesh.
// Beyond loopback it must be https.
func ParseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err == nil && u.User != nil {
		return nil, fmt.Errorf("%q must be a URL without a user: credentials come from AWS's own settings", u.Redacted())
	}
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("%q must be the URL of a deployed API, such as https://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com/mesh", text)
	}
	if u.Scheme == "http" && !Loopback(u) {
		return nil, fmt.Errorf("%q must be https: what it says goes over a network", text)
	}
	return u, nil
}

// Loopback says whether a URL stays on this machine.
func Loopback(u *url.URL) bool {
	host := u.Hostname()
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback() || strings.EqualFold(host, "localhost") || strings.HasSuffix(strings.ToLower(host), ".localhost")
}

// Open makes a Transport for the API at a URL. The region is the option's, the one in the URL's host, or that of the
// default chain. Credentials are looked for at the first request.
func Open(ctx context.Context, api *url.URL, o Options) (*Transport, error) {
	s := &chain{options: o}
	if m := ofAWS.FindStringSubmatch(strings.ToLower(api.Hostname())); m != nil && o.Region == "" {
		s.options.Region = m[1]
	}
	cfg, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	if cfg.Region == "" {
		return nil, errNoRegion
	}
	s.provider = cfg.Credentials
	base := http.DefaultTransport.(*http.Transport).Clone()
	if Loopback(api) {
		base.Proxy = nil // HTTP_PROXY may well point at a sidecar
		base.DialContext = dialLoopback
	}
	base.MaxIdleConnsPerHost = 16
	return &Transport{Source: s, Region: cfg.Region, Base: base}, nil
}

// errMFA says what to do: nobody may be there to be asked for a code, now and each time that credentials end.
var errMFA = errors.New("the profile assumes a role by an MFA code: have the AWS CLI ask for it, by " +
	"`eval \"$(aws configure export-credentials --profile PROFILE --format env)\"`, and give no profile here")

// dialLoopback reaches names below localhost, as emulators have them, without a resolver.
func dialLoopback(ctx context.Context, network, address string) (net.Conn, error) {
	if host, port, err := net.SplitHostPort(address); err == nil && strings.HasSuffix(strings.ToLower(host), ".localhost") {
		address = net.JoinHostPort("127.0.0.1", port)
	}
	return (&net.Dialer{}).DialContext(ctx, network, address)
}

// chain is the default chain of credentials.
type chain struct {
	options  Options
	mu       sync.Mutex
	provider aws.CredentialsProvider
}

func (s *chain) load(ctx context.Context) (aws.Config, error) {
	var options []func(*config.LoadOptions) error
	if s.options.Profile != "" {
		options = append(options, config.WithSharedConfigProfile(s.options.Profile))
	}
	if s.options.Region != "" {
		options = append(options, config.WithRegion(s.options.Region))
	}
	cfg, err := config.LoadDefaultConfig(ctx, options...)
	if errors.As(err, new(config.AssumeRoleTokenProviderNotSetError)) {
		return cfg, errMFA
	}
	if err != nil {
		return cfg, fmt.Errorf("read AWS's settings: %w", err)
	}
	return cfg, nil
}

// Retrieve gives credentials, from a cache while they last. Where there are none, it reads files and variables again:
// somebody may have signed in meanwhile.
func (s *chain) Retrieve(ctx context.Context) (aws.Credentials, error) {
	s.mu.Lock()
	provider := s.provider
	s.mu.Unlock()
	credentials, err := provider.Retrieve(ctx)
	if err != nil && s.Renew(ctx, aws.Credentials{}) {
		s.mu.Lock()
		provider = s.provider
		s.mu.Unlock()
		return provider.Retrieve(ctx)
	}
	return credentials, err
}

// Renew reads files and variables again, and says whether they have other credentials now.
func (s *chain) Renew(ctx context.Context, refused aws.Credentials) bool {
	cfg, err := s.load(ctx)
	if err != nil {
		return false
	}
	fresh, err := cfg.Credentials.Retrieve(ctx)
	if err != nil || fresh.AccessKeyID == refused.AccessKeyID && fresh.SessionToken == refused.SessionToken && fresh.SecretAccessKey == refused.SecretAccessKey {
		return false
	}
	s.mu.Lock()
	s.provider = cfg.Credentials
	s.mu.Unlock()
	return true
}
