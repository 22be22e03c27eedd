// Package billing obtains an Auth0 token with the secret in Vault or OpenBao.
// It tries current, pending and fallback in this order, and only a 401 moves on to the next one.
package billing

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	vault "github.com/hashicorp/vault/api"
)

const (
	mount    = "secret"
	path     = "apps/billing"
	key      = "client_secret"
	tokenURL = "https://acme.eu.auth0.com/oauth/token"
	clientID = "AbC123"
	audience = "https://api.acme"
	patience = 35 * time.Second
)

// read returns a document, or nil where there is none.
func read(ctx context.Context, kv *vault.KVv2, path string, version int) (*vault.KVSecret, error) {
	var found *vault.KVSecret
	var err error
	if version > 0 {
		found, err = kv.GetVersion(ctx, path, version)
	} else {
		found, err = kv.Get(ctx, path)
	}
	if errors.Is(err, vault.ErrSecretNotFound) {
		return nil, nil
	}
	return found, err
}

// value returns the secret in a document, or "".
func value(found *vault.KVSecret) string {
	if found == nil {
		return ""
	}
	text, _ := found.Data[key].(string)
	return text
}

// fallback returns the version that a document's metadata names as the fallback, or 0.
func fallback(latest *vault.KVSecret) int {
	if latest == nil {
		return 0
	}
	var version int
	text, _ := latest.CustomMetadata["bridge_fallback"].(string)
	_, _ = fmt.Sscan(text, &version) // no such tag: there is none
	return version
}

// candidates calls try with each value; a value is read only when the one before was refused.
func candidates(ctx context.Context, kv *vault.KVv2, try func(string) (done bool, err error)) (bool, error) {
	var latest *vault.KVSecret
	// The latest version twice: what was pending may have become current meanwhile.
	for _, place := range []string{path, path + "/pending", path} {
		found, err := read(ctx, kv, place, 0)
		if err != nil {
			return false, err
		}
		if done, err := try(value(found)); done || err != nil {
			return done, err
		}
		latest = found
	}
	if version := fallback(latest); version > 0 {
		found, err := read(ctx, kv, path, version)
		if err != nil {
			return false, err
		}
		return try(value(found))
	}
	return false, nil
}

// ask sends one token request; the answer is nil when the value was refused.
func ask(ctx context.Context, secret string) (map[string]any, error) {
	body, err := json.Marshal(map[string]string{
		"grant_type": "client_credentials", "client_id": clientID, "client_secret": secret, "audience": audience,
	})
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, tokenURL, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	switch answer.StatusCode {
	case http.StatusUnauthorized:
		return nil, nil
	case http.StatusOK:
		var token map[string]any
		return token, json.NewDecoder(answer.Body).Decode(&token)
	}
	return nil, fmt.Errorf("Auth0 answered %s", answer.Status)
}

// Token returns Auth0's answer. Keep it until it expires.
func Token(ctx context.Context, client *vault.Client) (map[string]any, error) {
	var token map[string]any
	for end, pause := time.Now().Add(patience), 200*time.Millisecond; ; pause = min(2*pause, 5*time.Second) {
		tried := map[string]bool{"": true}
		done, err := candidates(ctx, client.KVv2(mount), func(secret string) (bool, error) {
			if tried[secret] {
				return false, nil
			}
			tried[secret] = true
			var err error
			token, err = ask(ctx, secret)
			return token != nil, err
		})
		if done || err != nil {
			return token, err
		}
		if time.Now().After(end) {
			return nil, errors.New("Auth0 refused every value that is stored")
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(pause):
		}
	}
}
