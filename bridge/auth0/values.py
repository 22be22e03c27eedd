"""New values: generated ones, and those that a user brings. Messages never hold a value, nor any part of one."""

from __future__ import annotations

import base64
import binascii
import math
import os
import re
from collections.abc import Callable

from bridge.auth0.client import Client
from bridge.model.errors import Usage
from sinks.secret import Secret

BYTES = 48
SHORTEST, LONGEST = 32, 1024
WEAKEST_BITS = 128

_SAFE = re.compile(r"[A-Za-z0-9_\-+=.]*")
_SAFE_BASE64 = re.compile(r"[A-Za-z0-9_\-+=/]*")


def generate(client: Client, random: Callable[[int], bytes] = os.urandom) -> Secret:
    """Return a new secret: 48 bytes as 64 characters of URL-safe Base64.

    For a client whose secret is Base64 the value means its bytes, and verifiers may decode either alphabet; so it is
    drawn until it holds none of the characters in which the two differ (about eight times).
    """
    text = base64.urlsafe_b64encode(random(BYTES)).decode()
    while client.secret_encoded and not text.isalnum():
        text = base64.urlsafe_b64encode(random(BYTES)).decode()
    return Secret(text)


def existing(text: str) -> Secret:
    """Take a secret that is live already, as it is; only one line break at its end is dropped.

    Raises:
        Usage: nothing is left.
    """
    return Secret(_tidy(text))


def check_brought(text: str, client: Client) -> Secret:
    """Take a new secret that a user brings; one line break at its end is dropped.

    Raises:
        Usage: every reason why it is not taken.
    """
    text = _tidy(text)
    faults = (*_length(text), *_characters(text, client), *_strength(text), *_base64(text, client))
    if faults:
        raise Usage(*faults, hint="leave it out, and the bridge generates 384 random bits")
    return Secret(text)


def estimated_bits(text: str) -> float:
    """Estimate how many bits a text holds at best: its characters times their alphabet's bits, repetition left out.

    What repeats an earlier stretch of three characters, or goes on in equal steps (aaa, abc, 321), adds nothing.
    """
    if not text:
        return 0.0
    stretches = {text[i : i + 3] for i in range(len(text) - 2)}
    steps = sum(1 for s in stretches if ord(s[1]) - ord(s[0]) == ord(s[2]) - ord(s[1]) in (-1, 0, 1))
    kinds = ((str.isdigit, 10), (str.islower, 26), (str.isupper, 26))
    alphabet = sum(size for belongs, size in kinds if any(belongs(c) for c in text))
    alphabet += len({c for c in text if not c.isalnum()})
    return (len(stretches) - steps + 2) * math.log2(max(alphabet, 2))


def _tidy(text: str) -> str:
    text = text.removesuffix("\n").removesuffix("\r")
    if not text:
        raise Usage("the secret is empty")
    return text


def _length(text: str) -> list[str]:
    if len(text) < SHORTEST:
        return [f"the secret has {len(text)} characters; {SHORTEST} are the least (Auth0's own have 64)"]
    if len(text) > LONGEST:
        return [f"the secret has {len(text)} characters; {LONGEST} are the most"]
    return []


def _characters(text: str, client: Client) -> list[str]:
    if text != text.strip():
        return ["the secret begins or ends with white space"]
    safe, named = (_SAFE_BASE64, "_ - + = /") if client.secret_encoded else (_SAFE, "_ - + = .")
    wrong = "" if safe.fullmatch(text) else f"the secret holds other characters than letters, digits and {named}"
    return [wrong] if wrong else []


def _strength(text: str) -> list[str]:
    if estimated_bits(text) >= WEAKEST_BITS:
        return []
    return [f"the secret is too regular: it holds less than {WEAKEST_BITS} bits, however it was made"]


def _base64(text: str, client: Client) -> list[str]:
    if not client.secret_encoded:
        return []
    try:
        base64.b64decode(text.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        return [f"the secret is not Base64, and {client.name} has a Base64 secret (secret_encoded)"]
    return []
