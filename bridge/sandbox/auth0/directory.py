"""The clients and APIs of a tenant, behind one lock."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Mapping
from random import Random
from typing import Any

from bridge.sandbox.auth0.answers import no_such_client
from bridge.sandbox.auth0.clients import Client, generate_encoded_secret, generate_id, generate_secret, properties_of
from bridge.sandbox.auth0.propagation import LiveSecret, SecretChange, Verdict
from bridge.sandbox.auth0.settings import Api, Credentials, Settings
from sinks.clock import Clock

DASHBOARD = "dashboard"
"""The author of a change that is made in the dashboard."""


class Directory:
    """Stores which clients and APIs exist, and the secret of each client.

    `audience` is the Management API's own. Every change is made under `lock`.
    """

    def __init__(self, audience: str, settings: Settings, clock: Clock, random: Random) -> None:
        self.audience = audience
        self.settings = settings
        self.clock = clock
        self.random = random
        # Reentrant, because public methods call each other.
        self.lock = threading.RLock()
        self._clients: dict[str, Client] = {}
        self._apis: dict[str, Api] = {}

    def add_client(self, client_id: str | None = None, *, kind: str = "machine", client_secret: str | None = None,
                   grants: Mapping[str, Iterable[str]] | None = None, public_keys: Iterable[str] = (),
                   **properties: Any) -> Credentials:  # fmt: skip
        """Create a client of a kind (`clients.KINDS`) and return its credentials.

        `grants` maps audiences to scopes, and creates an API for each new audience. `public_keys` are PEM texts. Other
        arguments are properties, named as in the Management API. None leaves a property out.
        """
        with self.lock:
            client_id = client_id or generate_id(self.random)
            told = properties_of(kind, {"name": client_id, **properties})
            encoded = told.get("jwt_configuration", {}).get("secret_encoded", False)
            generate = generate_encoded_secret if encoded else generate_secret
            first = self._change(client_secret or generate(self.random), "creation")
            self._clients[client_id] = Client(client_id, told, LiveSecret(first), tuple(public_keys))
            for audience, scopes in (grants or {}).items():
                self.grant(client_id, audience, scopes)
            return Credentials(client_id, first.value)

    def create(self, properties: Mapping[str, Any], public_keys: Collection[str] = ()) -> str:
        """Create a client with these properties and no others, as the Management API does, and return its id.

        A client with `public_keys` (PEM) gets an id for each, and authenticates with them.
        """
        told = dict(properties)
        if public_keys:
            credentials = [{"id": f"cred_{self.new_id()}"} for _ in public_keys]
            told["client_authentication_methods"] = {"private_key_jwt": {"credentials": credentials}}
        return self.add_client(kind="absent", public_keys=public_keys, **told).client_id

    def new_id(self) -> str:
        """Return an id that nothing else in the tenant has."""
        with self.lock:
            return generate_id(self.random)

    def add_management_client(self, scopes: Iterable[str], client_id: str | None = None, **more: Any) -> Credentials:
        """Create a machine-to-machine client that may call the Management API.

        `more` takes the arguments of `add_client`.
        """
        return self.add_client(client_id, grants={self.audience: tuple(scopes)}, **more)

    def add_api(self, audience: str, **lifetime: Any) -> None:
        """Create an API, or replace it.

        Its tokens live for `token_lifetime`, which is taken from the settings by default.
        """
        with self.lock:
            self._apis[audience] = Api(audience, **{"token_lifetime": self.settings.token_lifetime, **lifetime})

    def grant(self, client_id: str, audience: str, scopes: Iterable[str] = ()) -> None:
        """Allow a client an audience, and create an API for a new audience.

        The scopes replace those of an earlier grant.

        Raises:
            ApiError: 404, there is no such client.
        """
        with self.lock:
            if self.api(audience) is None:
                self.add_api(audience)
            self.client(client_id).grants[audience] = tuple(scopes)

    def api(self, audience: str) -> Api | None:
        """Return an API by its audience, or None.

        The Management API is always there, with the lifetime of the settings.
        """
        if audience == self.audience:
            return Api(audience, self.settings.token_lifetime)
        return self._apis.get(audience)

    def client(self, client_id: str) -> Client:
        """Return a client.

        Raises:
            ApiError: 404, there is no such client.
        """
        if (client := self._clients.get(client_id)) is None:
            raise no_such_client()
        return client

    def clients(self) -> list[Client]:
        """Return every client, the oldest first."""
        with self.lock:
            return list(self._clients.values())

    def update(self, client_id: str, changes: Mapping[str, Any], by: str) -> None:
        """Change a client's properties, including its secret. None removes a property.

        `by` is the author of the change, for the secret's history.
        """
        with self.lock:
            client = self.client(client_id)
            # The secret is kept apart from the properties, because it has a history and takes time to spread.
            if "client_secret" in changes:
                client.live.change(self._change(changes["client_secret"], by))
            merged = {**client.properties, **changes, "client_secret": None}
            # Replaced as a whole, so that a concurrent reader sees either the old or the new properties.
            client.properties = {name: value for name, value in merged.items() if value is not None}

    def rotate(self, client_id: str, by: str) -> str:
        """Give a client a generated secret, and return it.

        The new value is stored when this returns, whether or not the answer reaches the caller.
        """
        value = generate_secret(self.random)
        self.update(client_id, {"client_secret": value}, by)
        return value

    def set_in_dashboard(self, client_id: str, value: str | None = None) -> str:
        """Change a secret as a user of the dashboard would, and return it.

        Without a `value`, one is generated.
        """
        value = value or generate_secret(self.random)
        self.update(client_id, {"client_secret": value}, DASHBOARD)
        return value

    def secret(self, client_id: str) -> str:
        """Return the stored secret of a client.

        It may not have spread yet (`accepted`).

        Raises:
            ApiError: 404, there is no such client.
        """
        return self.client(client_id).live.current

    def secret_history(self, client_id: str) -> tuple[SecretChange, ...]:
        """Return every secret that a client ever had, in order, with its author and time.

        Tests find out by it who set which value, and whether one was set twice.
        """
        return self.client(client_id).live.changes

    def accepted(self, client_id: str, secret: str) -> Verdict:
        """Return whether the token endpoint accepts a secret now: always, never, or by chance.

        Unlike `meets`, it does not decide a request, so nothing about it is random.
        """
        with self.lock:
            live = self.client(client_id).live
            return live.verdict(secret, self.clock.monotonic(), self.settings.propagation)

    def find(self, client_id: str | None) -> Client | None:
        """Return a client, or None.

        Unlike `client` it does not raise, because the token endpoint must not tell an unknown
        client from a wrong secret.
        """
        return self._clients.get(client_id or "")

    def meets(self, client: Client, secrets: Collection[str]) -> bool:
        """Decide one token request: return whether one of the secrets is the value that this request meets.

        While a change spreads, the next request with the same secrets may be decided differently.
        """
        with self.lock:
            now = self.clock.monotonic()
            return client.live.accepts(secrets, now, self.settings.propagation, self.random)

    def _change(self, value: str, by: str) -> SecretChange:
        return SecretChange(value, by, self.clock.now(), self.clock.monotonic())
