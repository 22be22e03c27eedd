"""A client (an Auth0 application), and the objections against rotating its secret. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# Without `client_secret`: reading a client must not bring its secret along.
FIELDS = (
    "client_id", "name", "app_type", "token_endpoint_auth_method", "grant_types", "jwt_configuration", "global",
    "client_authentication_methods", "is_first_party",
)  # fmt: skip
HS256, SELF = "hs256", "self"
AUTH0_GENERATED = "auth0-generated"


@dataclass(frozen=True)
class Client:
    """The fields of an Auth0 application that matter for a rotation.

    Auth0 leaves fields out of its answer. The default of each field is the meaning of its absence.
    """

    client_id: str
    """The client id."""
    name: str
    """The application's name, or its client id if Auth0 gives no name."""
    app_type: str = ""
    """Auth0's `app_type`, for example `regular_web`, `spa` or `native`."""
    auth_method: str = "client_secret_post"
    """Auth0's `token_endpoint_auth_method`."""
    grant_types: tuple[str, ...] | None = None
    """The grants that the client may use. None if Auth0 does not list them."""
    alg: str = "HS256"
    """The algorithm that signs the client's ID tokens."""
    secret_encoded: bool = False
    """Whether the secret is Base64, so that its value means the decoded bytes."""
    is_global: bool = False
    """Whether this is the tenant's global client."""
    authentication_methods: tuple[str, ...] = ()
    """The methods without a secret that the client uses (private_key_jwt, mTLS)."""
    is_first_party: bool = True
    """Auth0's `is_first_party`."""
    metadata: Mapping[str, str] = field(default_factory=dict, compare=False)
    """Auth0's `client_metadata`, as far as it is text. Empty unless it was asked for."""

    @property
    def uses_private_key_jwt(self) -> bool:
        """Whether the client authenticates by a key or a certificate instead of a secret."""
        return bool(self.authentication_methods)

    @property
    def can_get_id_tokens(self) -> bool:
        """Whether Auth0 could issue ID tokens to the client.

        The client credentials grant gives none. A client whose grants are unknown counts as one that can.
        """
        return self.grant_types is None or any(grant != "client_credentials" for grant in self.grant_types)

    @classmethod
    def from_api(cls, data: Mapping[str, Any], client_id: str) -> Client:
        """Return the client that the Management API's answer describes.

        A field that is missing or of the wrong type gets its default. `client_id` serves where the answer has none.
        """
        jwt, grants = _table(data.get("jwt_configuration")), data.get("grant_types")
        return cls(
            client_id=_text(data.get("client_id")) or client_id,
            name=_text(data.get("name")) or client_id,
            app_type=_text(data.get("app_type")),
            auth_method=_text(data.get("token_endpoint_auth_method")) or "client_secret_post",
            grant_types=tuple(map(str, grants)) if isinstance(grants, list) else None,
            alg=_text(jwt.get("alg")) or "HS256",
            secret_encoded=jwt.get("secret_encoded") is True,
            is_global=data.get("global") is True,
            authentication_methods=tuple(_table(data.get("client_authentication_methods"))),
            # Auth0 leaves out what has its default, and a missing field means True here.
            is_first_party=data.get("is_first_party") is not False,
            metadata={key: text for key, text in _table(data.get("client_metadata")).items() if isinstance(text, str)},
        )


@dataclass(frozen=True)
class Objection:
    """One reason not to rotate a client's secret, and the remedy.

    `kind` is a short word for the reason, such as "public" or "hs256".
    """

    message: str
    hint: str | None = None
    kind: str = ""


def objections(
    client: Client, *, accept: frozenset[str], own_client_id: str | None, strategy: str
) -> tuple[Objection, ...]:
    """Return every reason not to rotate this client's secret.

    `accept` holds the words of the reasons that the user has consented to (`HS256`, `SELF`), which are left out. The
    other reasons cannot be accepted. `own_client_id` is the application that the bridge itself acts as.
    """
    name = f"{client.name} ({client.client_id})"
    return (
        *_without_a_secret(client, name),
        *_with_consent(client, name, accept=accept, is_own=client.client_id == own_client_id),
        *_by_strategy(client, name, strategy),
    )


def _without_a_secret(client: Client, name: str) -> list[Objection]:
    found = []
    if client.is_global:
        support = "only Auth0's support can change its secret"
        found.append(Objection(f"{name} is the tenant's global client", support, "global"))
    # `spa` and `native` count whatever method is set, because each copy of the application could be searched.
    if client.auth_method == "none" or client.app_type in {"spa", "native"}:
        why = f"a {client.app_type} application" if client.app_type in {"spa", "native"} else "authentication 'none'"
        told = f"{name} is a public client ({why}): it uses no secret"
        found.append(Objection(told, "there is nothing to rotate", "public"))
    if client.authentication_methods:
        methods = ", ".join(client.authentication_methods)
        told = f"{name} authenticates by {methods}, not by a secret"
        found.append(Objection(told, "rotate its key instead", "keyed"))
    return found


def _with_consent(client: Client, name: str, *, accept: frozenset[str], is_own: bool) -> list[Objection]:
    found = []
    # Its next run could not log in: it would still present the old secret.
    if is_own and SELF not in accept:
        found.append(
            Objection(
                f"{name} is the application that the bridge itself acts as: its next run needs the new secret",
                'have the bridge read its own secret from the vault, then --allow-self or accept = ["self"]',
                SELF,
            )
        )
    # HS256 signs with the client secret itself, so verification breaks with every change (RFC 7518, section 3.2).
    if client.alg == "HS256" and client.can_get_id_tokens and HS256 not in accept:
        found.append(
            Objection(
                f"{name} signs its ID tokens with its secret (HS256): those issued before a rotation can no longer be "
                "verified, and verifiers need the new secret at once",
                'switch it to RS256, or accept this: accept = ["hs256"]',
                HS256,
            )
        )
    return found


def _by_strategy(client: Client, name: str, strategy: str) -> list[Objection]:
    # Verifiers decode such a secret before they use it, and fail on one that is not Base64.
    if not client.secret_encoded or strategy != AUTH0_GENERATED:
        return []
    message = f"{name} has a Base64 secret (secret_encoded); Auth0 would generate one that is not Base64"
    return [Objection(message, "use the strategy 'staged'", "base64")]


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
