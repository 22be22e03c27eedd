"""The candidates through the AWS Parameters and Secrets Lambda Extension, with `sibling_keys = true`.

It needs the layer of the extension.
"""

import json
import os
from http.client import HTTPConnection
from urllib.parse import quote

from ask_auth0 import get_token

SECRET, KEYS = "apps/billing", ("client_secret", "client_secret_next", "client_secret_previous")


def candidates():
    """Yield current, pending, fallback: one document, which the extension keeps for SECRETS_MANAGER_TTL (300 s)."""
    extension = HTTPConnection("localhost", int(os.environ.get("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", "2773")))
    who = {"X-Aws-Parameters-Secrets-Token": os.environ["AWS_SESSION_TOKEN"]}
    extension.request("GET", f"/secretsmanager/get?secretId={quote(SECRET, safe='')}", headers=who)
    document = json.loads(json.load(extension.getresponse())["SecretString"])
    yield from map(document.get, KEYS)


def token():
    """Keep what this returns until it expires, outside of the handler."""
    return get_token(candidates)
