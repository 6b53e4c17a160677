// Package proxy lets unmodified App Mesh clients reach a deployed API: it takes their requests on loopback, signed for
// App Mesh or not at all, and sends them on, signed for API Gateway.
//
// It changes nothing that a request asks for, and looks at no answer but to say what to do about a refusal. Whoever
// reaches it acts with its user's credentials: listen on loopback only, and put api.LoopbackOnly before it, as New
// does. Start with New.
package proxy

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"

	"github.com/ownmesh/ownmesh/core/api"
	"github.com/ownmesh/ownmesh/internal/sigv4"
)

// Options of a proxy.
type Options struct {
	API     *url.URL          // of the deployed API, with its stage
	Signed  http.RoundTripper // a sigv4.Transport
	Profile string            // in hints; may be ""
	Logger  *slog.Logger      // what its user can do about refusals
}

// New makes the proxy.
func New(o Options) http.Handler {
	base := strings.TrimRight(o.API.EscapedPath(), "/")
	// No FlushInterval: an answer whose length is known leaves as one write where it fits into 4 KiB, for there are SDKs that
	// lose a body that comes after its headers. What is streamed has no length, and is passed on as it comes.
	forward := &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			to := *p.In.URL
			to.Scheme, to.Host = o.API.Scheme, o.API.Host
			to.RawPath = base + p.In.URL.EscapedPath() // names may hold encoded slashes: byte for byte
			if path, err := url.PathUnescape(to.RawPath); err == nil {
				to.Path = path
			}
			p.Out.URL, p.Out.Host = &to, ""
		},
		Transport:      o.Signed,
		ModifyResponse: func(r *http.Response) error { o.advise(r); return nil },
		ErrorHandler:   o.failed,
		ErrorLog:       slog.NewLogLogger(o.Logger.Handler(), slog.LevelDebug),
	}
	return api.LoopbackOnly(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.EscapedPath(), "/") || r.Method == http.MethodConnect {
			answer(w, http.StatusBadRequest, "BadRequestException", "this is no proxy for other hosts: give it to App Mesh's clients as their endpoint URL")
			return
		}
		forward.ServeHTTP(w, r)
	}))
}

// advise says what to do about refusals of API Gateway, which clients show without a cause.
func (o Options) advise(r *http.Response) {
	if r.StatusCode != http.StatusForbidden {
		return
	}
	kind, _, _ := strings.Cut(r.Header.Get("X-Amzn-Errortype"), ":")
	request := r.Request.Method + " " + r.Request.URL.EscapedPath()
	switch {
	case sigv4.Expired(r):
		o.Logger.Warn("the credentials are not valid any more: "+o.signIn(), "request", request, "refusal", kind)
	case kind == "MissingAuthenticationTokenException":
		o.Logger.Warn("API Gateway knows no such path: --api must end with the stage, which is /mesh", "request", request)
	case kind == "InvalidSignatureException":
		o.Logger.Warn("API Gateway takes the signature for a wrong one: is --region that of the API, and this machine's clock right?", "request", request)
	case kind == "AccessDeniedException":
		o.Logger.Warn("these credentials may not do this: they need execute-api:Invoke on it", "request", request)
	}
}

func (o Options) signIn() string {
	if o.Profile != "" {
		return "sign in again, such as by `aws sso login --profile " + o.Profile + "`; the proxy finds the new ones by itself"
	}
	return "sign in again, such as by `aws sso login`; the proxy finds the new ones by itself, but for those in its own environment variables"
}

// failed answers what came to no answer of the API. 400 and 403 are not tried again by clients, 503 is: by Terraform 25
// times, which takes an hour.
func (o Options) failed(w http.ResponseWriter, r *http.Request, err error) {
	request := r.Method + " " + r.URL.EscapedPath()
	var credentials *sigv4.CredentialsError
	switch {
	case errors.Is(err, context.Canceled) && r.Context().Err() != nil:
		return // nobody listens
	case errors.Is(err, sigv4.ErrTooLarge):
		answer(w, http.StatusRequestEntityTooLarge, "BadRequestException", err.Error())
	case errors.As(err, &credentials):
		o.Logger.Warn(err.Error()+": "+o.signIn(), "request", request)
		answer(w, http.StatusForbidden, "ForbiddenException", "ownmesh proxy: "+err.Error()+"; "+o.signIn())
	case misnamed(err):
		o.Logger.Warn("the API can't be reached: is --api right?", "request", request, "err", err)
		answer(w, http.StatusBadRequest, "BadRequestException", "ownmesh proxy: the API at "+o.API.Redacted()+" can't be reached, is --api right? "+err.Error())
	default:
		o.Logger.Warn("the API can't be reached", "request", request, "err", err)
		answer(w, http.StatusServiceUnavailable, "ServiceUnavailableException", "ownmesh proxy: the API at "+o.API.Redacted()+" can't be reached: "+err.Error())
	}
}

// misnamed says whether to try again is in vain: nothing has that name, or what has it is not the API.
func misnamed(err error) bool {
	var name *net.DNSError
	var certificate *tls.CertificateVerificationError
	var noTLS tls.RecordHeaderError
	return errors.As(err, &name) && name.IsNotFound || errors.As(err, &certificate) || errors.As(err, &noTLS)
}

// answer is an error as App Mesh's clients read them.
func answer(w http.ResponseWriter, status int, kind, message string) {
	body, err := json.Marshal(map[string]string{"message": message})
	if err != nil {
		panic(err) // a string always marshals
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.Header().Set("X-Amzn-Errortype", kind)
	w.WriteHeader(status)
	_, _ = w.Write(body) // who hung up needs no answer
}
