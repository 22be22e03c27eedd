"""A connection to one Vault server, and how it gets a token and keeps it alive."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import hvac
import requests

from sinks.errors import BadAddress, Denied, SinkError, Unavailable
from sinks.references import for_header
from sinks.secret import Secret
from sinks.vault.certificates import load
from sinks.vault.environment import token_reference
from sinks.vault.errors import answers
from sinks.vault.http import Adapter
from sinks.vault.settings import Auth, Settings

if TYPE_CHECKING:
    from sinks.clock import Clock
    from sinks.vault.responses import MountConfig

KUBERNETES_JWT = "file:/var/run/secrets/kubernetes.io/serviceaccount/token"
GIVING_BACK = 3.0  # seconds that the end of a command waits for it, at the most
FIRST_RENEWAL = 10.0  # seconds until a given token is renewed for the first time, as its lifetime is unknown


class Connection:
    """A connection that logs in when first used, and renews or logs in again before the token's lease ends.

    Nothing runs in the background. Each request checks whether two thirds of the token's time have passed. Where the
    server says that the token is not valid any more, the login is repeated once.
    """

    def __init__(self, settings: Settings, resolve: Callable[[str], Secret], clock: Clock) -> None:
        self._settings = settings
        self._resolve = resolve
        self.clock = clock
        self.adapter = Adapter(clock, settings.tls_server_name, self._another_token)
        self.mounts: dict[str, str] = {}
        """The mounts that are known, by their paths."""
        self.configs: dict[str, tuple[MountConfig | None, float]] = {}
        """Their settings, and the monotonic time until which they count. None: the token may not read them."""
        self._client: hvac.Client | None = None
        self._renew_at = 0.0
        self._granted = 0.0  # seconds that the login gave the token
        self._lock = threading.RLock()  # held during a login: the other threads need its token
        self._logging_in = False

    @property
    def name(self) -> str:
        """The server's address, for messages."""
        return self._settings.url

    @property
    def source(self) -> str:
        """Where the token comes from, for messages: a reference, or the method of the login."""
        auth = self._settings.auth
        if auth.method == "token":
            return auth.token or token_reference(os.environ) or "nowhere"
        return f"the login by {auth.method}"

    def client(self) -> hvac.Client:
        """Return hvac's client with a valid token.

        Raises:
            Denied: the login was refused.
            BadAddress: a setting that the login needs is missing.
        """
        with self._lock:
            if self._client is None:
                client = self._connect()
                self._login(client)
                self._client = client
            elif self.clock.monotonic() >= self._renew_at:
                self._keep_alive(self._client)
            return self._client

    def give_back(self) -> None:
        """Revoke the token of an own login. A given token is somebody else's, and stays.

        Where that fails nothing is said: the token ends by itself.
        """
        if not self._lock.acquire(timeout=GIVING_BACK):
            return  # a login hangs
        try:
            client, self._client = self._client, None
        finally:
            self._lock.release()
        if client is None or self._settings.auth.method == "token":
            return
        with (
            suppress(SinkError),
            self.adapter.within(self.clock.monotonic() + GIVING_BACK),
            answers("revoke the token of this login (auth/token/revoke-self)"),
        ):
            client.auth.token.revoke_self()

    def _connect(self) -> hvac.Client:
        settings = self._settings
        if settings.namespace:
            for_header("namespace (VAULT_NAMESPACE)", Secret(settings.namespace))
        load(settings, self.adapter.context)
        session = requests.Session()
        session.mount("https://", self.adapter)
        session.mount("http://", self.adapter)
        # Never the credentials of ~/.netrc, which requests would send in the place of none.
        session.auth = _no_credentials
        # On the session, because hvac prefers what a session says, even its default, to its own arguments.
        session.verify = settings.ca_file or settings.ca_path or True
        # Plain http:// is for loopback only. A proxy would get the token in clear text.
        if settings.url.lower().startswith("https:"):
            # Once, because requests would read the environment again for each request.
            found = session.merge_environment_settings(settings.url, {}, None, session.verify, None)
            session.proxies, session.verify = found["proxies"], found["verify"]
        session.trust_env = False
        return hvac.Client(
            url=settings.url.rstrip("/"),
            token="",
            allow_redirects=False,
            session=session,
            namespace=settings.namespace,
        )

    def _login(self, client: hvac.Client) -> None:
        auth = self._settings.auth
        if auth.method == "token":
            # A given token is not tried here: the first request shows whether it is good.
            self._use_token(client, auth)
            return
        with answers(f"log in to {self.name} by {auth.method}", login=True):
            answer = self._ask_for_token(client, auth)
            self._granted = float(answer["auth"]["lease_duration"] or "inf")  # 0 means that it never ends
        self._renew_at = self.clock.monotonic() + self._granted * 2 / 3

    def _use_token(self, client: hvac.Client, auth: Auth) -> None:
        reference = auth.token or token_reference(os.environ)
        if reference is None:
            raise Denied(
                f"no token for {self.name}: VAULT_TOKEN is not set and ~/.vault-token does not exist",
                "run 'vault login', or configure another auth method",
            )
        client.token = for_header(reference, self._resolve(reference)).reveal()
        self._renew_at = self.clock.monotonic() + FIRST_RENEWAL

    def _ask_for_token(self, client: hvac.Client, auth: Auth) -> Any:
        # References are resolved at each login: a mounted JWT or a secret id may have been replaced since the last one.
        mount = auth.mount or auth.method
        match auth.method:
            case "approle":
                return client.auth.approle.login(
                    self._secret(auth, "role_id").reveal(),
                    self._resolve(auth.secret_id).reveal() if auth.secret_id else None,
                    mount_point=mount,
                )
            case "userpass":
                name = self._text(auth, "username")
                return client.auth.userpass.login(name, self._secret(auth, "password").reveal(), mount_point=mount)
            case "jwt":
                role = self._text(auth, "role")
                return client.auth.jwt.jwt_login(role, self._secret(auth, "jwt").reveal(), path=mount)
            case "kubernetes":
                token = self._resolve(auth.jwt or KUBERNETES_JWT)
                return client.auth.kubernetes.login(self._text(auth, "role"), token.reveal(), mount_point=mount)
        raise BadAddress(f"auth.method: '{auth.method}' has no login here", "report it: this is a bug")

    @staticmethod
    def _text(auth: Auth, field: str) -> str:
        text: str | None = getattr(auth, field)
        if not text:
            raise BadAddress(f"auth.{field} is missing: {auth.method} needs it", f"set auth.{field}")
        return text

    def _secret(self, auth: Auth, field: str) -> Secret:
        return self._resolve(self._text(auth, field))

    def _keep_alive(self, client: hvac.Client) -> None:
        """Renew the token, and log in again only where a renewal does not give enough time.

        Renewal comes first because a secret id may be good for one login only.
        """
        if self._logging_in:
            return
        given = self._settings.auth.method == "token"
        self._logging_in = True
        try:
            seconds = self._renewed(client)
            # A token near its maximum lifetime is renewed for less and less. A given one cannot be replaced.
            if not given and seconds < self._granted / 2:
                self._login(client)
            else:
                self._renew_at = self.clock.monotonic() + (seconds * 2 / 3 or FIRST_RENEWAL)
        finally:
            self._logging_in = False

    def _renewed(self, client: hvac.Client) -> float:
        """Return the seconds that a renewal gives the token. 0: it could not be renewed now, or it has ended."""
        try:
            with answers("renew the token"):
                return float(client.auth.token.renew_self()["auth"]["lease_duration"] or "inf")
        except Unavailable:  # tried again soon: the old token is still valid
            return 0
        except Denied:  # it ended during a long wait, unless it is one that may not be renewed
            return 0 if self._settings.auth.method != "token" else float("inf")
        except SinkError:
            return float("inf")  # not renewable, as a root token is not. If it ends, a later 403 says so

    def _another_token(self, used: str) -> str | None:
        """Return a new token after an answer that denied a request, or None where the token was not the reason.

        `used` is the token of that request. A denial does not say whether the token lacks a right or has ended, so the
        token is looked up.
        """
        with self._lock:
            client = self._client
            if client is None or self._logging_in:
                return None
            if client.token != used:  # another thread has got one meanwhile
                return str(client.token)
            self._logging_in = True
            try:
                with suppress(Denied), answers("look up the token (auth/token/lookup-self)"):
                    client.auth.token.lookup_self()
                    return None
                self._login(client)
            except SinkError:  # what was denied first is what the user has to know
                client.token = used
            finally:
                self._logging_in = False
            return client.token if client.token != used else None


def _no_credentials(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
