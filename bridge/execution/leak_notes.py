"""What is still true of a leaked value after the answer to the leak. Pure.

A new secret does not end tokens that were issued before, and with HS256 the old secret can still sign. The outcome of
an answer to a leak names both.
"""

from __future__ import annotations

from bridge.auth0.client import Client
from bridge.execution.session import Session
from bridge.model.operation import Operation
from sinks.port import Lock


def remains(session: Session, client: Client) -> tuple[str, ...]:
    """Return what a new secret does not end, and what was not checked, as one sentence each.

    No request is sent. What a sentence calls "not checked" is left to the user.
    """
    # HS256 signs with the client secret itself, so its holder can sign as Auth0 does (RFC 7518, section 3.2).
    signed = client.alg == "HS256" and client.can_get_id_tokens
    return (
        "still true: access tokens issued before stay valid until they expire (Auth0's default is 24 h; not checked)",
        "still true: refresh tokens go on (not checked)",
        "still true: whoever has the leaked value can make ID tokens that verifiers with the old secret take (HS256)"
        if signed
        else "ID tokens signed with it (HS256): none",
        *(f"{uri}: {sink.retirement}" for uri, sink in session.sinks.items()),
    )


def may_be_readable(session: Session, says: Lock) -> str:
    """Return what is left to do where a lock says that its operation was to end a leaked value.

    The lock may be forged, so the sentence only repeats what it says.
    """
    again = session.client_ref.command("rotate" if says.operation == Operation.COMPROMISED else "sync")
    return f"the lock said that a value had leaked; it may still be readable: {again} --compromised --reason …"
