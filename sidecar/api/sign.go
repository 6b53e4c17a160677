package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/config"
)

// This file: signatures for API Gateway, which checks them before the API is asked.

// service is what API Gateway wants a signature for, whatever lies behind it.
const service = "execute-api"

// ofGateway finds the region in a host of API Gateway's own.
var ofGateway = regexp.MustCompile(`\.execute-api\.([a-z0-9-]+)\.amazonaws\.com(\.cn)?$`)

// NewSigner makes a signer for an API at endpoint, with the credentials that the SDK finds: a task role's, in a task.
// It gives none for an API on this machine unless the environment itself, by get, names credentials: nobody checks them
// there, and looking for some takes seconds where there are none.
func NewSigner(ctx context.Context, endpoint string, get func(string) string) (Signer, error) {
	u, err := url.Parse(endpoint)
	if err != nil {
		return nil, fmt.Errorf("API %q: %w", endpoint, err)
	}
	if onLoopback(u.Hostname()) && !named(get) {
		return nil, nil
	}
	c, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the AWS settings: %w", err)
	}
	region := c.Region
	if m := ofGateway.FindStringSubmatch(u.Hostname()); m != nil {
		region = m[1]
	}
	if region == "" {
		return nil, fmt.Errorf("AWS_REGION is not set, and the host of OWNMESH_API, %s, does not tell the region that calls must be signed for", u.Hostname())
	}
	return signWith(c.Credentials, region, time.Now), nil
}

func signWith(credentials aws.CredentialsProvider, region string, now func() time.Time) Signer {
	signer := v4.NewSigner()
	return func(ctx context.Context, req *http.Request, body []byte) error {
		c, err := credentials.Retrieve(ctx)
		if err != nil {
			return fmt.Errorf("get credentials (in ECS, the task role's): %w", err)
		}
		hash := sha256.Sum256(body)
		return signer.SignHTTP(ctx, c, req, hex.EncodeToString(hash[:]), service, region, now())
	}
}

// named tells whether the environment says whose credentials to take.
func named(get func(string) string) bool {
	for _, name := range []string{
		"AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_WEB_IDENTITY_TOKEN_FILE",
	} {
		if get(name) != "" {
			return true
		}
	}
	return false
}

func onLoopback(host string) bool {
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.IsLoopback()
	}
	return host == "localhost"
}
