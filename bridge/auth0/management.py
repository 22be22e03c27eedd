"""The calls of Auth0's Management API that the bridge needs.

They are documented at https://auth0.com/docs/api/management/v2. Two of them write: one is idempotent, and one is not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from bridge.auth0.answers import lacking
from bridge.auth0.client import FIELDS, Client
from bridge.auth0.errors import Forbidden, NotFound, Unauthorised, Unreachable
from bridge.auth0.tenant import Tenant, Token
from bridge.model.origin import Settable
from sinks.secret import Secret

if TYPE_CHECKING:
    import httpx

    from bridge.auth0.pace import Pace

READ_CLIENTS, READ_KEYS, UPDATE_KEYS = "read:clients", "read:client_keys", "update:client_keys"


class Management:
    """The Management API of one tenant.

    Every method may raise `Auth0Error`. Only `set_secret` and `rotate_secret` write, and only they may raise `Expired`.
    """

    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant
        self.name = tenant.name
        self.own_client_id = tenant.client_id

    @property
    def pace(self) -> Pace:
        """How fast requests are sent to this tenant."""
        return self.tenant.http.pace

    @property
    def token_pace(self) -> Pace:
        """How fast requests are sent to the token endpoint, where probes go."""
        return self.tenant.http.token_pace

    def await_turn(self) -> None:
        """Wait until this thread's next change may be sent by the pace. The change itself does not wait then."""
        self.pace.reserve()

    def can(self, scope: str) -> bool | None:
        """Return whether the management token has a scope, or None if the token does not list its scopes.

        The answer comes from the token itself. The API is not asked.
        """
        scopes = self.tenant.token().scopes
        return None if scopes is None else scope in scopes

    def require(self, scope: str) -> None:
        """Check before a change that the management token does not lack a scope.

        A token that does not list its scopes passes, because only Auth0 knows then.

        Raises:
            Forbidden: the scope is missing.
        """
        if self.can(scope) is False:
            raise lacking((scope,))

    def get(self, path: str, params: Mapping[str, str], *, doing: str) -> Any:
        """Read a path of the Management API, for example `/logs`, and return its JSON.

        `doing` names the request in error messages.
        """
        return self._call(
            lambda http, more: http.get(f"/api/v2{path}", params=dict(params), **more), doing=doing, safe=True
        )

    def get_client(self, client_id: str) -> Client:
        """Read a client, without its secret.

        Raises:
            NotFound: the tenant has no such client.
        """
        return Client.from_api(self._read(client_id, FIELDS), client_id)

    def live_secret(self, client_id: str) -> Secret | None:
        """Read the secret that Auth0 holds, or return None if the client has none or the token may not read it.

        Reading takes the scope `read:client_keys`. A value that is read back is stored at Auth0, which does not prove
        that it has spread. Only a probe proves that.
        """
        try:
            text = self._read(client_id, ("client_id", "client_secret")).get("client_secret")
        except Forbidden as error:
            # This scope is optional, because it reads every secret of the tenant. Any other lack is an error.
            if READ_KEYS in error.scopes:
                return None
            raise
        return Secret(text) if isinstance(text, str) and text else None

    def set_secret(self, client_id: str, secret: Settable, *, before: float | None) -> None:
        """Set a client's secret at Auth0 (PATCH). The call is idempotent, and is retried only within a lease.

        `before` is the end of the lease in monotonic seconds. `Settable` carries the origin of the value, so that only
        values that the bridge may set get here.

        Raises:
            Expired: the request could not be sent before that. Nothing was changed.
            Unreachable: Auth0 may have set the value if `maybe_done` is True.
        """
        self._call(
            lambda http, more: http.patch(_path(client_id), json={"client_secret": secret.value.reveal()}, **more),
            doing=f"the change of {client_id}'s secret",
            safe=before is not None,  # without a lease, a late retry could overwrite the value of another operation
            before=before,
            missing=client_id,
        )

    def rotate_secret(self, client_id: str, *, before: float | None) -> Secret:
        """Let Auth0 generate a new secret (POST), and return it.

        The call is not idempotent: each one makes another secret. It is never retried once Auth0 may have carried it
        out. `before` is the end of the lease in monotonic seconds.

        Raises:
            Expired: the request could not be sent before that. Nothing was changed.
            Unreachable: Auth0 may have changed the secret if `maybe_done` is True. It can only be read back then.
        """
        answer = self._call(
            lambda http, more: http.post(f"{_path(client_id)}/rotate-secret", **more),
            doing=f"the rotation of {client_id}'s secret",
            safe=False,
            before=before,
            missing=client_id,
        )
        text = answer.get("client_secret") if isinstance(answer, dict) else None
        # `maybe_done` is True by default: Auth0 has a new value now, and only reading it back can tell which.
        if not isinstance(text, str) or not text:
            raise Unreachable(f"{self.name} rotated {client_id}'s secret and did not tell the new one")
        return Secret(text)

    def _read(self, client_id: str, fields: tuple[str, ...]) -> Mapping[str, Any]:
        # Named fields only, because an answer with all of them may hold the secret.
        params = {"fields": ",".join(fields), "include_fields": "true"}
        doing = f"the request for {client_id}"
        answer = self._call(
            lambda http, more: http.get(_path(client_id), params=params, **more),
            doing=doing, safe=True, missing=client_id,
        )  # fmt: skip
        if not isinstance(answer, dict):
            raise Unreachable(f"{self.name} answered {doing} with something that is not an application")
        return answer

    def _call(
        self,
        ask: Callable[..., httpx.Response],
        *,
        doing: str,
        safe: bool,
        before: float | None = None,
        missing: str | None = None,
    ) -> Any:
        """Send a request with the management token, and once more with a new token if the first is not accepted.

        `missing` is the client that a 404 is about, for the error.

        Raises:
            Auth0Error: the request failed, or was not accepted with a new token either.
            Expired: the request was not sent, because the lease was too short for it.
        """
        try:
            token = self.tenant.token()
            try:
                return self._send(ask, token, doing=doing, safe=safe, before=before)
            except Unauthorised:
                # A 401 promises that nothing was carried out, so sending the request again is safe even for a POST.
                if not self.tenant.forget_token(token):
                    raise
            return self._send(ask, self.tenant.token(), doing=doing, safe=safe, before=before)
        except NotFound:
            if missing is None:
                raise
            raise NotFound(f"no application {missing} in {self.name}", "check the client id and the tenant") from None

    def _send(
        self, ask: Callable[..., httpx.Response], token: Token, *, doing: str, safe: bool, before: float | None
    ) -> Any:
        def bearer(request: httpx.Request) -> httpx.Request:
            request.headers.update({"Authorization": f"Bearer {token.value.reveal()}"})
            return request

        return self.tenant.http.send(
            lambda http, extensions: ask(http, {"auth": bearer, "extensions": extensions}),
            doing=doing, safe=safe, before=before,
        )  # fmt: skip


def _path(client_id: str) -> str:
    return f"/api/v2/clients/{quote(client_id, safe='')}"
