"""Asks for tokens with requests-oauthlib. Each request is the library's own; none is kept.

What the readers have in common: tests/bench/agent_readers.py."""

from __future__ import annotations

import json
import os
import sys
import time

import requests
from oauthlib.oauth2 import BackendApplicationClient, OAuth2Error
from requests_oauthlib import OAuth2Session

os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"  # the library's own switch for http:// on loopback
CLIENT_ID, AUDIENCE, LATE = os.environ["CLIENT_ID"], os.environ["AUDIENCE"], float(os.environ["LATE"])
PAUSE = 0.1  # seconds after a connection that failed


def acquire(session: OAuth2Session, statuses: list[int], url: str, secret: str, organization: str) -> tuple[str, str]:
    """Return what became of one request, and why."""
    try:
        more = {"organization": organization} if organization else {}
        session.fetch_token(url, client_secret=secret, include_client_id=True, audience=AUDIENCE, timeout=120, **more)
    except requests.exceptions.RequestException as error:  # no answer, or one that was cut short
        time.sleep(PAUSE)
        return "connection", type(error).__name__
    except OAuth2Error as error:
        return ("refused" if error.error == "invalid_client" or statuses[-1] == 401 else "other"), str(error)
    return "got", ""


def main() -> None:
    """Answer each line `COUNT URL SECRET EVERY` of standard input by a line of counts."""
    session, statuses = OAuth2Session(client=BackendApplicationClient(client_id=CLIENT_ID)), [0]

    def note(response: requests.Response) -> requests.Response:
        statuses[-1] = response.status_code
        return response

    session.register_compliance_hook("access_token_response", note)
    for line in sys.stdin:
        count, url, secret, every = line.split()[:4]
        told = {"asked": 0, "got": 0, "refused": 0, "connection": 0, "other": 0, "late": 0, "slowest": 0.0, "why": ""}
        for number in range(int(count)):
            wanted = f"org_{time.monotonic_ns()}" if number % int(every) == 0 else ""
            began = time.monotonic()
            became, why = acquire(session, statuses, url, secret, wanted)
            took = time.monotonic() - began
            told["asked"] += 1
            told[became] += 1
            told["why"] = why or told["why"]
            if became == "got":
                told["late"] += took > LATE
                told["slowest"] = max(told["slowest"], took)
        print(json.dumps(told), flush=True)


main()
