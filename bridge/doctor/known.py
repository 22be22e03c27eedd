"""Every kind of finding by its id: why it matters, and how to fix it.

docs/reference/doctor.md shows this table. What is found in a store only stands beside it, in `sinks/KIND/known.py`.
"""

from __future__ import annotations

from collections.abc import Mapping

from bridge.planning.advice import NEXT, Trouble
from sinks import kinds
from sinks.diagnosis import Known

DASHBOARD = "# Auth0 dashboard: Applications > "
GRANTS = DASHBOARD + "APIs > Auth0 Management API > Machine to Machine Applications > {application}"
UNDER_TENANT = "# in bridge.toml, under [tenants.{tenant}]"
UNDER_CLIENT = "# in bridge.toml, under [clients.{client}]"
OWN_CREDENTIALS = 'client_id = "env:AUTH0_CLIENT_ID"\nclient_secret = "env:AUTH0_CLIENT_SECRET"'


def _next(trouble: Trouble) -> str:
    """Return the command that every command advises about a sink in this state."""
    return f"secret-bridge {NEXT[trouble]} {{command}}"


TENANTS: Mapping[str, Known] = {
    "tenant-settings": Known("the bridge cannot act at this tenant at all", "# {hint}"),
    "tenant-unreachable": Known(
        "no secret can be set, and none be checked",
        f'# {{hint}}\n{UNDER_TENANT}, if the domain is another one\ndomain = "TENANT.eu.auth0.com"',
    ),
    "tenant-not-auth0": Known(
        "the management token and new secrets would be sent to somebody else",
        f'{UNDER_TENANT}\ndomain = "TENANT.eu.auth0.com"',
    ),
    "tenant-tls": Known(
        "somebody may stand in between; certificates are always checked",
        "# where a proxy of your own opens TLS, trust its authority\nexport SSL_CERT_FILE=/path/to/authority.pem",
    ),
    "tenant-certificate": Known(
        "after that nobody who checks certificates gets through", "# renew the certificate of {host}"
    ),
    "tenant-credentials": Known(
        "the bridge gets no management token",
        DASHBOARD + "{application} > Settings > Client Secret: copy it to where {reference} is",
    ),
    "tenant-grant": Known(
        "the bridge gets no management token",
        f"{GRANTS}: authorize it\n{UNDER_TENANT}, where the domain is a custom one\n"
        'audience = "https://TENANT.eu.auth0.com/api/v2/"',
    ),
    "tenant-scope": Known("commands fail without it: {need}", f"{GRANTS}: grant it the permission {{scope}}"),
    "tenant-scopes-unknown": Known(
        "whether they suffice shows when they are used", f"{UNDER_TENANT}, in place of api_token\n{OWN_CREDENTIALS}"
    ),
    "tenant-token-expires": Known(
        "a ready-made token is not renewed: after that every command fails",
        f"{UNDER_TENANT}, in place of api_token\n{OWN_CREDENTIALS}",
    ),
    "tenant-token-refused": Known(
        "every command at this tenant fails", f"{UNDER_TENANT}, in place of api_token\n{OWN_CREDENTIALS}"
    ),
    "tenant-busy": Known("nothing more could be told", "# {hint}"),
}

CLIENTS: Mapping[str, Known] = {
    "client-unknown": Known(
        "there is nothing to rotate",
        f'{UNDER_CLIENT}: Applications > NAME > Settings shows it\nclient_id = "CLIENT_ID"',
    ),
    "client-not-checked": Known("what stands above has to be mended first"),
    "client-global": Known("the bridge refuses it", "# take [clients.{client}] out of bridge.toml"),
    "client-public": Known(
        "it uses no secret: the bridge refuses it",
        DASHBOARD + "{name} > Credentials: Client Secret (Post); or take [clients.{client}] out of bridge.toml",
    ),
    "client-keyed": Known(
        "its secret is not in use: the bridge refuses it",
        DASHBOARD + "{name} > Credentials: Client Secret (Post); or take [clients.{client}] out of bridge.toml",
    ),
    "client-self": Known(
        "the next run would not know the new secret, unless it reads it where the bridge puts it",
        f'{UNDER_TENANT}\nclient_secret = "{{sink}}"\n{UNDER_CLIENT}\naccept = {{accept}}',
    ),
    "client-hs256": Known(
        "ID tokens from before a rotation can no longer be verified, and verifiers need the new secret at once",
        DASHBOARD + "{name} > Advanced Settings > OAuth > JsonWebToken Signature Algorithm: RS256\n"
        f"{UNDER_CLIENT}, where nobody verifies ID tokens with the secret\naccept = {{accept}}",
    ),
    "client-base64": Known(
        "Auth0 would generate a value that is not Base64: verifiers that decode it break",
        f'{UNDER_CLIENT}\nstrategy = "staged"',
    ),
    "client-base64-value": Known(
        "verifiers that decode it break, and rotating with the strategy staged mends it",
        "secret-bridge rotate {command}",
    ),
    "client-fallback-age": Known(
        "an access token lives 24 h by default: until then a consumer may not have shown that it has the new secret",
        f'{UNDER_CLIENT}\nfallback_min_age = "24h"',
    ),
    "client-refresh": Known(
        "readers of sibling keys need the time to read the coming value before Auth0 takes it",
        f'{UNDER_CLIENT}: how long readers keep what they have read\nconsumer_refresh = "5m"',
    ),
}

SINKS: Mapping[str, Known] = {
    "sink-not-checked": Known("what stands above has to be mended first"),
    "sink-missing": Known(
        "in a wrong account, region, namespace or mount it looks the same",
        f"{_next(Trouble.EMPTY)}     # if it shall be made there; else correct the address or the credentials",
    ),
    "sink-unmanaged": Known("the bridge refuses to write over it until it is adopted", _next(Trouble.UNMANAGED)),
    "sink-wiped": Known(
        "somebody replaced the tags: the bridge no longer knows what is current",
        _next(Trouble.WIPED),
    ),
    "sink-other-client": Known(
        "a rotation would write over the secret of another application",
        "# correct sinks of [clients.{client}] in bridge.toml; or give the sink back, as the other one: forget",
    ),
    "sink-shared": Known(
        "each rotation of one would write over the other's secret",
        f"{UNDER_CLIENT}: a sink of its own\nsinks = {{sinks}}",
    ),
    "sink-other-sinks": Known(
        "a command that knows only some of the sinks would leave the others behind; the bridge refuses",
        f"{_next(Trouble.OTHER_SINKS)}     # if this list is right; else correct sinks in bridge.toml",
    ),
    "sink-other-manager": Known("two managers undo each other's changes; the bridge refuses", "{remedy}"),
    "sink-beside-manager": Known(
        "where it also writes the value or the tags, it undoes what the bridge wrote", "{remedy}"
    ),
    "sink-interrupted": Known(
        "Auth0 is asked which value it accepts, and that one is published", _next(Trouble.INTERRUPTED)
    ),
    "sink-in-progress": Known("others are refused as long as it counts as live"),
    "sink-foreign": Known(
        "nothing of it is believed, and no command goes over it unasked",
        _next(Trouble.FOREIGN),
    ),
    "sink-left-over": Known("an interrupted release left a value that nobody needs", _next(Trouble.LEFT_OVER)),
}

EVERYWHERE: Mapping[str, Known] = {
    "audit-file": Known("a command that changes something is refused where its record cannot begin", "{remedy}"),
    "clock-skew": Known(
        "assertions and signatures carry this machine's time and are refused when it is wrong",
        "sudo chronyc makestep     # or: sudo systemctl restart systemd-timesyncd",
    ),
    "doctor-stopped": Known("nothing more could be told of this", "# {hint}"),
    "doctor-bug": Known("nothing more could be told of this", "# please report it"),
}


def known() -> Mapping[str, Known]:
    """Return all findings by id: the bridge's own, and those that each kind of store knows.

    All kinds of stores are asked, also those that are not configured.
    """
    stores = {found: text for name in kinds.names() for found, text in kinds.kind(name).findings().items()}
    return {**TENANTS, **CLIENTS, **stores, **SINKS, **EVERYWHERE}
