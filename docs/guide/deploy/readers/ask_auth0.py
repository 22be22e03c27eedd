"""Ask Auth0 for a token with one candidate after the other. Needs httpx; the readers beside it import this."""

import time

import httpx

URL = "https://acme.eu.auth0.com/oauth/token"
REQUEST = {"grant_type": "client_credentials", "client_id": "AbC123", "audience": "https://api.acme"}

http = httpx.Client()


def get_token(candidates, patience=35.0):
    """Return the answer with the token. `candidates` is called for each round, and may yield None and doubles."""
    end, pause = time.monotonic() + patience, 0.2
    while True:
        tried = set()
        for value in candidates():
            if not value or value in tried:
                continue
            tried.add(value)
            answer = http.post(URL, json={**REQUEST, "client_secret": value})
            if answer.status_code != 401:  # only a 401 moves on to the next one
                return answer.raise_for_status().json()
        if time.monotonic() >= end:
            raise PermissionError("Auth0 refused every value that is stored")
        time.sleep(pause)
        pause = min(pause * 2, 5.0)
