"""The tenant's signing key: RS256 access tokens, and the key set that verifies them."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

# Times are checked against the tenant's own clock, which a test may stop. PyJWT would use the system's.
_UNTIMED: Any = {"verify_exp": False, "verify_iat": False, "verify_nbf": False}
KEPT_TOKENS = 256
ASSERTION_ALGORITHMS = ["RS256", "RS384", "PS256"]


class Invalid(Exception):
    """The text is not a token of this tenant for this audience, or not a token at all."""


class Expired(Invalid):
    """The token is genuine, but no longer valid."""


class SigningKey:
    """An RSA key with its key id.

    Any thread may use it.
    """

    def __init__(self) -> None:
        self._private = _private_key()
        self._public = self._private.public_key()
        self._jwk: dict[str, Any] = RSAAlgorithm.to_jwk(self._public, as_dict=True)
        self._sign = functools.lru_cache(KEPT_TOKENS)(self._sign_items)
        self.kid = hashlib.sha256(str(self._jwk["n"]).encode()).hexdigest()[:21]

    def sign(self, claims: Mapping[str, str | int]) -> str:
        """Return a signed token.

        RS256 turns equal claims into equal tokens, so recent ones are cached.
        """
        return self._sign(tuple(claims.items()))

    def _sign_items(self, claims: tuple[tuple[str, str | int], ...]) -> str:
        return jwt.encode(dict(claims), self._private, "RS256", headers={"kid": self.kid})

    def verify(self, token: str, audience: str, now: datetime) -> dict[str, Any]:
        """Return the claims of a token. `now` decides whether it has expired.

        Raises:
            Expired: the token was valid once.
            Invalid: the text is not a token for this audience.
        """
        try:
            # The algorithm is fixed. A token that could name it itself would be accepted unsigned.
            claims = jwt.decode(token, self._public, ["RS256"], _UNTIMED, audience=audience)
        except jwt.PyJWTError:
            raise Invalid("not a token for this audience") from None
        if now.timestamp() >= claims["exp"]:
            raise Expired("expired")
        return claims

    def key_set(self) -> dict[str, Any]:
        """Return the JSON Web Key Set (RFC 7517).

        It holds the public key only.
        """
        public = {name: self._jwk[name] for name in ("kty", "n", "e")}
        return {"keys": [{**public, "alg": "RS256", "use": "sig", "kid": self.kid}]}


def verify_assertion(assertion: str, public_keys: tuple[str, ...], client_id: str, audiences: list[str],
                     now: datetime) -> bool:  # fmt: skip
    """Return whether an assertion proves that a client asks (RFC 7523).

    One of the client's keys must have signed it, for one of the audiences, and it must not have expired.
    """
    # Without an expiry a stolen assertion would be valid for ever.
    required: Any = {**_UNTIMED, "require": ["exp", "iss", "sub", "aud"]}
    for key in public_keys:
        try:
            claims = jwt.decode(assertion, key, ASSERTION_ALGORITHMS, required, audience=audiences)
        except (jwt.PyJWTError, ValueError):
            continue
        return claims["iss"] == claims["sub"] == client_id and bool(now.timestamp() < claims["exp"])
    return False


def subject_of(assertion: str) -> str | None:
    """Return the client id that an assertion claims, or None.

    Nothing is verified yet. The id is needed to find the keys that verify the assertion.
    """
    try:
        subject = jwt.decode(assertion, options={"verify_signature": False}).get("sub")
    except jwt.PyJWTError:
        return None
    return subject if isinstance(subject, str) else None


@functools.cache
def _private_key() -> rsa.RSAPrivateKey:
    """Return the signing key, which all tenants of a process share.

    Making one takes a tenth of a second, and tests start many tenants.
    """
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)
