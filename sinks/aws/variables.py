"""The environment variables that boto3 reads by itself, and what is wrong with them. Pure, except that files are read.

boto3 meets a wrong one as an error without its name, at any call. So they are checked before a client is made. What
the bridge decides itself, such as retries, is not read from the environment at all (`IGNORED`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sinks.loopback import is_private

if TYPE_CHECKING:
    from sinks.aws.settings import Settings

IGNORED: Mapping[str, object] = {
    "retry_mode": "standard",
    "max_attempts": 1,
    "defaults_mode": "legacy",
    "account_id_endpoint_mode": "preferred",
    "auth_scheme_preference": None,
    "csm_enabled": False,
    "csm_port": 31000,
    "request_checksum_calculation": "when_required",
    "response_checksum_validation": "when_required",
    "request_min_compression_size_bytes": 10240,
    "sigv4a_signing_region_set": None,
    "user_agent_appid": None,
}
"""Settings of botocore that the bridge sets itself, or that mean nothing to it, with the value that it gives them."""
ENDPOINTS = ("AWS_ENDPOINT_URL_SECRETS_MANAGER", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS")
PROXIES = ("https_proxy", "HTTPS_PROXY")
"""For endpoints with https://. The first that is set counts."""
AUTHORITIES = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE")
CORRECT = "correct it, or unset it"
SHOWN = 60  # characters of a value that are shown, at most


@dataclass(frozen=True)
class Form:
    """What a variable has to look like. The value of a `secret` one is never shown."""

    expected: str
    fits: Callable[[str], bool]
    secret: bool = False


def _words(*words: str) -> Form:
    return Form(" or ".join(words), lambda text: text.lower() in words)


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False


def _is_proxy(text: str) -> bool:
    # botocore takes HOST:PORT too, and reads it as an address with http://.
    begun = text if text.startswith(("http:", "https:")) else f"http://{text.removeprefix('//')}"
    return "://" not in begun.partition("://")[2] and _is_url(begun)


def _is_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _holds_authorities(text: str) -> bool:
    from sinks import tls  # ssl is loaded with the first client, and not with every command

    try:
        if not Path(text).is_dir():
            tls.context().load_verify_locations(cafile=text)
    except (OSError, ValueError):
        return False
    return True


def _is_file(text: str) -> bool:
    return Path(text).is_file()


def _opens(text: str) -> bool:
    path = Path(text)
    return not path.is_dir() and os.access(path if path.exists() else path.parent, os.W_OK)


def _can_be_sent(text: str) -> bool:
    # In a header of HTTP, or in a part of one.
    return all("!" <= character <= "~" for character in text)


NUMBER = Form("a whole number of at least 1", lambda text: text.isascii() and text.isdigit() and int(text) > 0)
TRUTH = _words("true", "false")
URL = Form("https://HOST[:PORT]", _is_url)
CREDENTIAL = Form("a text without white space or line breaks", _can_be_sent, secret=True)
BUNDLE = Form("a readable file with certificates (PEM)", _holds_authorities)
FILE = Form("a readable file", _is_file)

FORMS: Mapping[str, Form] = {
    "AWS_METADATA_SERVICE_TIMEOUT": NUMBER,
    "AWS_METADATA_SERVICE_NUM_ATTEMPTS": NUMBER,
    "AWS_EC2_METADATA_SERVICE_ENDPOINT": URL,
    "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": _words("ipv4", "ipv6"),
    "AWS_STS_REGIONAL_ENDPOINTS": _words("regional", "legacy"),
    # botocore takes any other word for "false", and whoever wrote 1 believes that FIPS is in force.
    "AWS_USE_FIPS_ENDPOINT": TRUTH,
    "AWS_USE_DUALSTACK_ENDPOINT": TRUTH,
    **dict.fromkeys(ENDPOINTS, URL),
    # botocore opens it for a context of TLS that no connection uses (`sinks.tls.context`).
    "SSLKEYLOGFILE": Form("a file that can be written", _opens),
}
"""The variables that every client obeys."""
CREDENTIALS: Mapping[str, Form] = {
    **dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"), CREDENTIAL),
    "AWS_CREDENTIAL_EXPIRATION": Form("a time, for example 2026-11-23T02:00:00Z", _is_time),
}
"""Credentials in the environment itself, which count where no profile is named."""
SOURCES: Mapping[str, Form] = {
    "AWS_WEB_IDENTITY_TOKEN_FILE": FILE,
    "AWS_CONTAINER_AUTHORIZATION_TOKEN": CREDENTIAL,
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": FILE,
    "AWS_CONTAINER_CREDENTIALS_FULL_URI": Form("https://, or http:// to this machine", is_private),
}
"""Where credentials come from. They are asked about only once that has failed, because an earlier source may answer."""
CONFIGURATION = ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE")


def faults(environ: Mapping[str, str], settings: Settings) -> tuple[str, ...]:
    """Return a sentence for each variable that no request could be made with."""
    return tuple(_faults(environ, settings))


def _faults(environ: Mapping[str, str], settings: Settings) -> Iterator[str]:
    yield from _unfit(environ, FORMS)
    if settings.profile is None:
        yield from _unfit(environ, CREDENTIALS)
        if environ.get("AWS_ACCESS_KEY_ID") and not environ.get("AWS_SECRET_ACCESS_KEY"):
            yield "AWS_ACCESS_KEY_ID is set, and AWS_SECRET_ACCESS_KEY is not"
    named = settings.endpoint_url or next((environ[name] for name in ENDPOINTS if environ.get(name)), "")
    if settings.endpoint_url and not _is_url(named) and not _variable(environ, named):
        yield _sentence("endpoint_url", named, URL)
    # Plain http:// goes to this machine only, and without a proxy.
    if not named.startswith("http:"):
        yield from _unfit(environ, {_first(environ, PROXIES): Form("http://HOST:PORT", _is_proxy, secret=True)})
        if settings.ca_file and settings.ca_file != environ.get(AUTHORITIES[0]):
            yield from _unfit({"ca_file": settings.ca_file}, {"ca_file": BUNDLE})
        else:
            yield from _unfit(environ, {_first(environ, AUTHORITIES): BUNDLE})


def source_faults(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return a sentence for each variable that names a place to get credentials from, and leads nowhere."""
    return tuple(_unfit(environ, SOURCES))


def missing_files(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return a sentence for each variable that names a configuration file which is not there."""
    return tuple(_unfit(environ, dict.fromkeys(CONFIGURATION, FILE)))


def endpoint_fault(url: str, environ: Mapping[str, str]) -> tuple[str, str] | None:
    """Return the message and the hint for an address that must not be used, or None.

    Others could read what is sent to it, or it is no address.
    """
    if is_private(url):
        return None
    named = _variable(environ, url)
    if not _is_url(url):
        return _sentence(named or "endpoint_url", url, URL), CORRECT
    message = f"the AWS endpoint {url}{f' ({named})' if named else ''} would get secrets in clear text"
    remedy = "use https://, with ca_file (AWS_CA_BUNDLE) for a CA of your own"
    return f"{message}: plain http:// is for loopback only", remedy


def _variable(environ: Mapping[str, str], url: str) -> str:
    return next((name for name in ENDPOINTS if url and environ.get(name) == url), "")


def proxy_variable(environ: Mapping[str, str]) -> str:
    """Return the variable that names the proxy for https://, or an empty text."""
    return _first(environ, PROXIES)


def _first(environ: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((name for name in names if environ.get(name)), "")


def _unfit(environ: Mapping[str, str], forms: Mapping[str, Form]) -> Iterator[str]:
    for name, form in forms.items():
        text = environ.get(name)
        if text and not form.fits(text):
            yield _sentence(name, text, form)


def _sentence(name: str, text: str, form: Form) -> str:
    # An address may hold a password.
    found = "has another form" if form.secret or "@" in text else f"is {text[:SHOWN]!r}"
    return f"{name} {found}: expected {form.expected}"
