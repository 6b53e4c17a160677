package token_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/ownmesh/ownmesh/core/token"
)

const uid = "4f1c0000-0000-4000-8000-00000000000a"

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func issuer(t *testing.T, key crypto.Signer, now time.Time) *token.Issuer {
	t.Helper()
	i, err := token.NewIssuer(token.IssuerOptions{
		Signer: func(context.Context) (crypto.Signer, error) { return key, nil },
		Now:    func() time.Time { return now },
	})
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func verifier(t *testing.T, now time.Time, keys ...crypto.PublicKey) *token.Verifier {
	t.Helper()
	v, err := token.NewVerifier(func() time.Time { return now }, keys...)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// What is issued is verified, again and again: a signature's r or s may be short.
func TestRoundTrip(t *testing.T) {
	key, other := newKey(t), newKey(t)
	i, v := issuer(t, key, noon), verifier(t, noon, other.Public(), key.Public())
	for _, proxy := range []string{"virtualNode/cart", "virtualGateway/edge", "virtualNode/a/b c", "virtualNode/日本"} {
		for range 300 {
			text, expires, err := i.Issue(t.Context(), uid, proxy)
			if err != nil {
				t.Fatal(err)
			}
			got, err := v.Verify(text)
			if err != nil {
				t.Fatal(err)
			}
			if want := (token.Claims{MeshUID: uid, Proxy: proxy, Issued: noon, Expires: noon.Add(time.Hour)}); got.MeshUID != want.MeshUID ||
				got.Proxy != want.Proxy || !got.Issued.Equal(want.Issued) || !got.Expires.Equal(want.Expires) || !expires.Equal(want.Expires) {
				t.Fatalf("got %+v and %v, want %+v", got, expires, want)
			}
		}
	}
}

// TestRefusals: each way to be wrong is told apart, and the token is never repeated.
func TestRefusals(t *testing.T) {
	key := newKey(t)
	good, _, err := issuer(t, key, noon).Issue(t.Context(), uid, "virtualNode/cart")
	if err != nil {
		t.Fatal(err)
	}
	foreign, _, err := issuer(t, newKey(t), noon).Issue(t.Context(), uid, "virtualNode/cart")
	if err != nil {
		t.Fatal(err)
	}
	kid := func() string {
		parsed, _, err := jwt.NewParser().ParseUnverified(good, jwt.MapClaims{})
		if err != nil {
			t.Fatal(err)
		}
		return parsed.Header["kid"].(string)
	}()
	sign := func(method jwt.SigningMethod, with any, change func(jwt.MapClaims)) string {
		c := jwt.MapClaims{"iss": "ownmesh", "aud": "xds", "sub": "virtualNode/cart", "mesh": uid, "iat": noon.Unix(), "exp": noon.Add(time.Hour).Unix()}
		change(c)
		t1 := jwt.NewWithClaims(method, c)
		t1.Header["kid"] = kid
		text, err := t1.SignedString(with)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	es := func(change func(jwt.MapClaims)) string { return sign(jwt.SigningMethodES256, key, change) }
	parts := strings.Split(good, ".")
	for name, test := range map[string]struct {
		text string
		at   time.Time
		want error
	}{
		"good":             {good, noon, nil},
		"good at the end":  {good, noon.Add(time.Hour + 20*time.Second), nil},
		"clock behind":     {good, noon.Add(-20 * time.Second), nil},
		"expired":          {good, noon.Add(time.Hour + time.Minute), token.ErrExpired},
		"from the future":  {good, noon.Add(-time.Hour), token.ErrClaims},
		"empty":            {"", noon, token.ErrMalformed},
		"no token":         {"sesame", noon, token.ErrMalformed},
		"long":             {strings.Repeat("a", 5000), noon, token.ErrMalformed},
		"another's key":    {foreign, noon, token.ErrKey},
		"another's claims": {parts[0] + "." + strings.Split(foreign, ".")[1] + "." + strings.Split(foreign, ".")[2], noon, token.ErrSignature},
		"cut":              {parts[0] + "." + parts[1] + ".", noon, token.ErrSignature},
		"no algorithm":     {sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, func(jwt.MapClaims) {}), noon, token.ErrSignature},
		"a shared secret":  {sign(jwt.SigningMethodHS256, []byte("x"), func(jwt.MapClaims) {}), noon, token.ErrSignature},
		"no mesh":          {es(func(c jwt.MapClaims) { delete(c, "mesh") }), noon, token.ErrClaims},
		"no end":           {es(func(c jwt.MapClaims) { delete(c, "exp") }), noon, token.ErrClaims},
		"no beginning":     {es(func(c jwt.MapClaims) { delete(c, "iat") }), noon, token.ErrClaims},
		"too long":         {es(func(c jwt.MapClaims) { c["exp"] = noon.Add(13 * time.Hour).Unix() }), noon, token.ErrClaims},
		"another issuer":   {es(func(c jwt.MapClaims) { c["iss"] = "them" }), noon, token.ErrClaims},
		"another audience": {es(func(c jwt.MapClaims) { c["aud"] = "api" }), noon, token.ErrClaims},
		"a mesh":           {es(func(c jwt.MapClaims) { c["sub"] = "mesh/shop" }), noon, token.ErrClaims},
		"a node of no name": {es(func(c jwt.MapClaims) { c["sub"] = "virtualNode/" }), noon,
			token.ErrClaims},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := verifier(t, test.at, key.Public()).Verify(test.text)
			if !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			if err != nil && len(test.text) > 40 && strings.Contains(err.Error(), test.text[len(test.text)-20:]) {
				t.Errorf("the error repeats the token: %v", err)
			}
		})
	}
}

func TestKeysOfOtherKindsAreRefused(t *testing.T) {
	large, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := token.NewVerifier(time.Now, large.Public()); err == nil {
		t.Error("a verifier took a key on P-384")
	}
	if _, err := token.NewVerifier(time.Now); err == nil {
		t.Error("a verifier took no key at all")
	}
	if _, _, err := issuer(t, large, noon).Issue(t.Context(), uid, "virtualNode/cart"); err == nil {
		t.Error("an issuer took a key on P-384")
	}
}

// A key that can't be had now is asked for again.
func TestTheKeyIsAskedForUntilItAnswers(t *testing.T) {
	asked, key := 0, newKey(t)
	i, err := token.NewIssuer(token.IssuerOptions{Now: func() time.Time { return noon }, Signer: func(context.Context) (crypto.Signer, error) {
		if asked++; asked == 1 {
			return nil, errors.New("throttled")
		}
		return key, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	for n, want := range []bool{false, true, true} {
		if _, _, err := i.Issue(t.Context(), uid, "virtualNode/cart"); (err == nil) != want {
			t.Errorf("token %d: %v", n, err)
		}
	}
	if asked != 2 {
		t.Errorf("the key was asked for %d times, want 2", asked)
	}
}

func TestTTL(t *testing.T) {
	for _, ttl := range []time.Duration{time.Second, 13 * time.Hour, -time.Hour} {
		if _, err := token.NewIssuer(token.IssuerOptions{TTL: ttl}); err == nil {
			t.Errorf("a TTL of %v was taken", ttl)
		}
	}
}

// One token is one text: no other spelling of its signature is taken, and none that would take long to read.
func TestOtherSpellings(t *testing.T) {
	key := newKey(t)
	good, _, err := issuer(t, key, noon).Issue(t.Context(), uid, "virtualNode/cart")
	if err != nil {
		t.Fatal(err)
	}
	// The last of 86 characters holds 2 bits of the 64 bytes and 4 that nobody reads.
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, good[len(good)-1])
	v := verifier(t, noon, key.Public())
	if _, err := v.Verify(good[:len(good)-1] + string(alphabet[last^1])); err == nil {
		t.Error("another spelling of the signature was taken")
	}
	long, _, err := issuer(t, key, noon).Issue(t.Context(), uid, "virtualNode/"+strings.Repeat("a", 5000))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Verify(long); !errors.Is(err, token.ErrMalformed) {
		t.Errorf("a token of %d bytes: %v", len(long), err)
	}
}
