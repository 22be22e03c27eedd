"""The candidates in a file or a directory that something else keeps fresh: an agent, an operator, systemd."""

import json
import os
from pathlib import Path

from ask_auth0 import get_token

PLACE = Path(os.environ["CREDENTIALS_DIRECTORY"], "auth0.json")  # or Path("/run/billing/auth0.json")
NAMES = ("current", "pending", "fallback")


def candidates():
    """Yield current, pending, fallback, from a JSON object or from one file for each. Read again in every round."""
    if PLACE.is_dir():
        files = [PLACE / name for name in NAMES]
        yield from (file.read_text() for file in files if file.is_file())
    else:
        yield from map(json.loads(PLACE.read_text()).get, NAMES)


def token():
    """Keep what this returns until it expires."""
    return get_token(candidates)
