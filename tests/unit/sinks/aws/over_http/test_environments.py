"""What the environment says to boto3 behind the bridge's back: obeyed, ignored, or refused by name."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import pytest
from botocore.configprovider import BOTOCORE_DEFAUT_SESSION_VARIABLES
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sinks.aws import Settings, from_environment
from sinks.aws.errors import NoLogin
from sinks.aws.variables import CREDENTIALS, FORMS, IGNORED, SOURCES
from sinks.errors import BadAddress, Denied, SinkError
from sinks.port import Stage
from sinks.secret import Secret
from tests.unit.sinks.aws.factory import make_sink

BAD = "[default\nx = = \n["
PROFILES = """\
[profile program]
credential_process = /nowhere/program
[profile nonsense]
credential_process = echo nonsense
[profile circle]
role_arn = arn:aws:iam::123456789012:role/x
source_profile = circle
[profile half-sso]
sso_start_url = https://example.com
sso_account_id = 1
[profile homeless]
role_arn = arn:aws:iam::123456789012:role/x
source_profile = nobody
[profile tuned]
max_attempts = abc
retry_mode = x
defaults_mode = y
aws_access_key_id = testing
aws_secret_access_key = testing
"""
NO_KEYS = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
ROLE = "arn:aws:iam::123456789012:role/x"

TOLERATED = [
    {"NO_PROXY": "::1/128"},
    {"NO_PROXY": "[::1"},
    {"HTTP_PROXY": "http://127.0.0.1:9"},  # plain http:// goes to this machine only, and never through a proxy
    {"HTTP_PROXY": "http://[::1"},
    {"HTTPS_PROXY": "http://[::1"},  # the endpoint of these tests is http://
    {"AWS_CA_BUNDLE": "/nowhere/ca.pem"},
    {"REQUESTS_CA_BUNDLE": "/nowhere/ca.pem"},
    {"AWS_CONFIG_FILE": "/nowhere/config"},
    {"AWS_SHARED_CREDENTIALS_FILE": "/nowhere/credentials"},
    {"AWS_MAX_ATTEMPTS": "abc"},
    {"AWS_MAX_ATTEMPTS": "-1"},
    {"AWS_RETRY_MODE": "x"},
    {"AWS_DEFAULTS_MODE": "x"},
    {"AWS_DEFAULTS_MODE": "auto"},
    {"AWS_ACCOUNT_ID_ENDPOINT_MODE": "x"},
    {"AWS_ACCOUNT_ID_ENDPOINT_MODE": "required"},
    {"AWS_SIGV4A_SIGNING_REGION_SET": "x"},
    {"AWS_AUTH_SCHEME_PREFERENCE": "x"},
    {"AWS_CSM_ENABLED": "true", "AWS_CSM_PORT": "x"},
    {"AWS_REQUEST_CHECKSUM_CALCULATION": "x"},
    {"AWS_RESPONSE_CHECKSUM_VALIDATION": "x"},
    {"AWS_REQUEST_MIN_COMPRESSION_SIZE_BYTES": "x"},
    {"AWS_SDK_UA_APP_ID": "a b" * 40},
    {"AWS_SDK_UA_APP_ID": "a\nb"},
    {"AWS_DATA_PATH": "/nowhere"},
    {"AWS_ENDPOINT_DISCOVERY_ENABLED": "x"},
    {"AWS_EXECUTION_ENV": "a\nb"},
    {"AWS_PROFILE": "tuned", "AWS_CONFIG_FILE": "profiles"},
    {"AWS_WEB_IDENTITY_TOKEN_FILE": "/nowhere/token", "AWS_ROLE_ARN": ROLE},  # the keys come first
]
NAMED = [
    {"AWS_METADATA_SERVICE_TIMEOUT": "x"},
    {"AWS_METADATA_SERVICE_TIMEOUT": "-1"},
    {"AWS_METADATA_SERVICE_NUM_ATTEMPTS": "²"},
    {"AWS_EC2_METADATA_SERVICE_ENDPOINT": "garbage"},
    {"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": "x"},
    {"AWS_STS_REGIONAL_ENDPOINTS": "x"},
    {"AWS_USE_FIPS_ENDPOINT": "1"},
    {"AWS_USE_DUALSTACK_ENDPOINT": "yes"},
    {"AWS_ENDPOINT_URL": "garbage"},
    {"AWS_ENDPOINT_URL": "http://"},
    {"AWS_ENDPOINT_URL": "http://[::1"},
    {"AWS_ENDPOINT_URL": "https://host:99999"},
    {"AWS_ENDPOINT_URL": "ftp://127.0.0.1"},
    {"AWS_ENDPOINT_URL_SECRETS_MANAGER": "::"},
    {"AWS_ENDPOINT_URL_STS": "sts.example"},
    {"AWS_ENDPOINT_URL": "https://127.0.0.1:9", "HTTPS_PROXY": "socks://proxy:1"},
    {"AWS_ENDPOINT_URL": "https://127.0.0.1:9", "HTTPS_PROXY": "http://[::1"},
    {"AWS_ENDPOINT_URL": "https://127.0.0.1:9", "https_proxy": "http://proxy:port"},
    {"AWS_ENDPOINT_URL": "https://127.0.0.1:9", "AWS_CA_BUNDLE": "/nowhere/ca.pem"},
    {"AWS_ENDPOINT_URL": "https://127.0.0.1:9", "REQUESTS_CA_BUNDLE": "/nowhere/ca.pem"},
    {"AWS_ENDPOINT_URL": "https://127.0.0.1:9", "AWS_CA_BUNDLE": "bad"},
    {"SSLKEYLOGFILE": "/nowhere/keys"},
    {"AWS_ACCESS_KEY_ID": "AKIA\n"},
    {"AWS_SECRET_ACCESS_KEY": "hunter2\n"},
    {"AWS_SESSION_TOKEN": "hunter2\r\nX: y"},
    {"AWS_SESSION_TOKEN": "hunter2€"},
    {"AWS_SECRET_ACCESS_KEY": ""},
    {"AWS_CREDENTIAL_EXPIRATION": "x"},
    {"AWS_PROFILE": "nobody"},
    {"AWS_DEFAULT_PROFILE": "nobody"},
    {"AWS_PROFILE": "nobody", "AWS_CONFIG_FILE": "/nowhere/config"},
    {"AWS_CONFIG_FILE": "bad"},
    {"AWS_SHARED_CREDENTIALS_FILE": "bad"},
    NO_KEYS | {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://evil.example/"},
    NO_KEYS | {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "garbage"},
    NO_KEYS
    | {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:9/",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": "hunter2\nhunter3",
    },
    NO_KEYS
    | {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:9/",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/nowhere/token",
    },
    NO_KEYS | {"AWS_ROLE_ARN": ROLE, "AWS_WEB_IDENTITY_TOKEN_FILE": "/nowhere/token"},
]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "bad").write_text(BAD, "utf-8")
    (tmp_path / "profiles").write_text(PROFILES, "utf-8")
    return tmp_path


def enter(monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], files: Path) -> None:
    for name, value in environ.items():
        if not value:
            monkeypatch.delenv(name)
        else:
            monkeypatch.setenv(name, str(files / value) if value in ("bad", "profiles") else value)


def read(name: str) -> Secret | None:
    return make_sink(name, settings=from_environment(os.environ)).read().value(Stage.CURRENT)


def shown(environ: dict[str, str]) -> str:
    return " ".join(f"{name}={value}" for name, value in environ.items()).encode("unicode_escape").decode()[:90]


@pytest.mark.parametrize("environ", TOLERATED, ids=shown)
def test_what_does_not_matter_here_is_tolerated(
    environ: dict[str, str], server: str, name: str, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", server)
    enter(monkeypatch, environ, files)
    assert read(name) == Secret("old-value")


@pytest.mark.parametrize("environ", NAMED, ids=shown)
def test_what_cannot_be_used_is_refused_by_its_name(
    environ: dict[str, str], server: str, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", server)
    enter(monkeypatch, environ, files)
    with pytest.raises(BadAddress) as caught:
        read("apps/x")
    told = f"{caught.value.message} | {caught.value.hint}"
    wrong = [variable for variable in environ if variable in told]
    path = str(files / "bad")
    assert wrong or path in told, told
    assert "hunter" not in told
    assert caught.value.hint


@pytest.mark.parametrize(
    ("profile", "kind", "told"),
    [
        ("program", NoLogin, "/nowhere/program"),
        ("nonsense", NoLogin, "JSONDecodeError"),
        ("circle", BadAddress, "check profile"),
        ("half-sso", BadAddress, "check profile"),
        ("homeless", BadAddress, "check profile"),
    ],
)
def test_a_profile_that_gives_no_credentials_is_an_error_of_ours(
    profile: str, kind: type[SinkError], told: str, server: str, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    enter(monkeypatch, {"AWS_PROFILE": profile, "AWS_CONFIG_FILE": "profiles", **NO_KEYS}, files)
    monkeypatch.setenv("AWS_ENDPOINT_URL", server)
    with pytest.raises(kind) as caught:
        read("apps/x")
    assert told in f"{caught.value.message} | {caught.value.hint}"


def test_credentials_that_have_ended_already_say_so(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", server)
    monkeypatch.setenv("AWS_CREDENTIAL_EXPIRATION", "2001-01-01T00:00:00Z")
    with pytest.raises(Denied, match="have ended") as caught:
        read("apps/x")
    assert "AWS_CREDENTIAL_EXPIRATION" in str(caught.value.hint)


def test_a_proxy_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://secretsmanager.example")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    with pytest.raises(SinkError, match="no connection to the proxy that HTTPS_PROXY names"):
        read("apps/x")


def test_all_faults_are_named_at_once(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_METADATA_SERVICE_TIMEOUT", "x")
    monkeypatch.setenv("AWS_USE_FIPS_ENDPOINT", "1")
    with pytest.raises(BadAddress, match=r"AWS_METADATA_SERVICE_TIMEOUT.*AWS_USE_FIPS_ENDPOINT"):
        make_sink(settings=Settings(endpoint_url=server)).read()


KNOWN = sorted(
    {
        variable
        for _, variables, *_ in BOTOCORE_DEFAUT_SESSION_VARIABLES.values()
        for variable in ([variables] if isinstance(variables, str) else variables or [])
    }
    | {*FORMS, *CREDENTIALS, *SOURCES, "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE"}
)
TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=12),
    st.sampled_from(["0", "-1", "true", "http://[", "https://h:x", "::1/128", "/", "/dev/null", "[default", "\n"]),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(variable=st.sampled_from(KNOWN), text=TEXTS, keys=st.booleans())
def test_no_text_in_any_variable_raises_anything_but_an_error_of_ours(
    variable: str, text: str, keys: bool, server: str, tmp_path: Path
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)  # botocore creates the file that SSLKEYLOGFILE names
        patch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", server)
        for name in () if keys else NO_KEYS:
            patch.delenv(name)
        patch.setenv(variable, text)
        with suppress(SinkError):
            make_sink("apps/nothing", settings=from_environment(os.environ)).read()


def test_what_is_ignored_is_known_to_boto() -> None:
    assert set(IGNORED) <= set(BOTOCORE_DEFAUT_SESSION_VARIABLES)
