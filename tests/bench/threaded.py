"""A script as one would write it: shared clients, eight threads, five requests a client, and no safety at all.

It has no lock, no check, no pending value and no fallback. Killed after its PATCH it leaves Auth0 with a value that is
stored nowhere. `python threaded.py CLIENTS.json`: a list of client ids and names.
"""

import json
import os
import secrets
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import httpx
import hvac
from botocore.config import Config

JOBS = 8
AUTH0 = os.environ["AUTH0_DOMAIN"]


def token(http: httpx.Client) -> str:
    asked = {
        "grant_type": "client_credentials",
        "audience": os.environ["AUTH0_AUDIENCE"],
        "client_id": os.environ["AUTH0_CLIENT_ID"],
        "client_secret": os.environ["AUTH0_CLIENT_SECRET"],
    }
    return str(http.post(f"{AUTH0}/oauth/token", json=asked).raise_for_status().json()["access_token"])


def main() -> None:
    http = httpx.Client(trust_env=False, timeout=30)
    http.headers["Authorization"] = f"Bearer {token(http)}"
    vault = hvac.Client(url=os.environ["VAULT_ADDR"])
    vault.auth.approle.login(os.environ["ROLE_ID"], os.environ["SECRET_ID"])
    kv = vault.secrets.kv.v2
    aws = boto3.client("secretsmanager", config=Config(max_pool_connections=JOBS))

    def rotate(client: list[str]) -> None:
        client_id, name = client
        path, value = f"apps/{name}", secrets.token_urlsafe(48)
        in_vault = kv.read_secret_version(path, raise_on_deleted_version=True)["data"]["data"]
        in_aws = json.loads(aws.get_secret_value(SecretId=path)["SecretString"])
        http.patch(f"{AUTH0}/api/v2/clients/{client_id}", json={"client_secret": value}).raise_for_status()
        kv.create_or_update_secret(path, {**in_vault, "client_secret": value})
        aws.put_secret_value(SecretId=path, SecretString=json.dumps({**in_aws, "client_secret": value}))

    with ThreadPoolExecutor(JOBS) as pool:
        list(pool.map(rotate, json.loads(Path(sys.argv[1]).read_text())))


main()
