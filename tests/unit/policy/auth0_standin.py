"""A stand-in for Auth0's CLI: makes the requests of `auth0 apps create` and `auth0 api`, and refuses other options.

The options, and what becomes of them, are those of auth0-cli 1.33 (`docs/` and `internal/cli/apps.go`, `api.go` there).
It stands in for a CLI that is logged in: TENANT, URL and TOKEN come from the environment.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

import httpx

APP_TYPES = {"m2m": "non_interactive", "regular": "regular_web", "native": "native", "spa": "spa"}
AUTH_METHODS = {"none": "none", "post": "client_secret_post", "basic": "client_secret_basic"}
GRANTS = {"credentials": "client_credentials", "code": "authorization_code", "refresh-token": "refresh_token"}
METHODS = ("get", "post", "put", "patch", "delete")
SECRETS = ("client_secret", "signing_keys")


def parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    common.add_argument("--tenant", default=os.environ["TENANT"])
    common.add_argument("--no-color", action="store_true")
    common.add_argument("--no-input", action="store_true")
    main = argparse.ArgumentParser("auth0", allow_abbrev=False)
    verbs = main.add_subparsers(dest="verb", required=True)
    apps = verbs.add_parser("apps").add_subparsers(dest="action", required=True)
    create = apps.add_parser("create", parents=[common], allow_abbrev=False)
    create.add_argument("-n", "--name", required=True)
    create.add_argument("-d", "--description")
    create.add_argument("-t", "--type", choices=APP_TYPES, required=True)
    create.add_argument("-a", "--auth-method", type=str.lower, choices=AUTH_METHODS)
    create.add_argument("-g", "--grants", type=str.lower, choices=GRANTS, action="append")
    create.add_argument("-r", "--reveal-secrets", action="store_true")
    create.add_argument("--json", action="store_true")
    api = verbs.add_parser("api", parents=[common], allow_abbrev=False)
    api.add_argument("method", type=str.lower, choices=METHODS)
    api.add_argument("path")
    api.add_argument("-d", "--data")
    return main


def request(method: str, path: str, body: Any) -> Any:
    headers = {"Authorization": f"Bearer {os.environ['TOKEN']}"}
    url = f"{os.environ['URL']}/api/v2/{path.strip('/')}"
    answer = httpx.request(method, url, json=body, headers=headers, trust_env=False, timeout=20)
    if not answer.is_success:
        sys.exit(f"API request failed: {answer.text}")
    return answer.json()


def create(given: argparse.Namespace) -> None:
    # A prompt would wait for somebody: it appears where both ends are terminals and an option is missing.
    body = {
        "name": given.name, "description": given.description or "", "app_type": APP_TYPES[given.type],
        "oidc_conformant": True, "jwt_configuration": {"alg": "RS256"}, "client_metadata": {},
        "grant_types": [GRANTS[each] for each in given.grants or ["credentials"]],
    }  # fmt: skip
    if given.auth_method:
        body["token_endpoint_auth_method"] = AUTH_METHODS[given.auth_method]
    made = request("POST", "clients", body)
    shown = {name: value for name, value in made.items() if given.reveal_secrets or name not in SECRETS}
    if not given.json:
        sys.exit("a table, which no program reads: expected --json")
    print(json.dumps(shown, indent=4))


def main() -> None:
    with Path(os.environ["ARGUMENTS"]).open("a", encoding="utf-8") as seen:
        seen.write(json.dumps(sys.argv[1:]) + "\n")
    given = parser().parse_args()
    if given.tenant != os.environ["TENANT"]:
        sys.exit(f"not logged in to {given.tenant}")
    if given.verb == "apps":
        create(given)
        return
    data = given.data if given.data is not None else ("" if sys.stdin.isatty() else sys.stdin.read())
    body = json.loads(data) if data and given.method != "get" else None
    print(json.dumps(request(given.method.upper(), given.path, body), indent=2))


if __name__ == "__main__":
    main()
