"""What people type and set by mistake: each is named, with what was expected or what to do, and nothing is asked."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.e2e.command import invoke

NOWHERE = "http://127.0.0.1:9"  # the port of a service that nobody runs: whoever is asked there is reached by nobody
GOOD = {
    "AUTH0_DOMAIN": NOWHERE, "AUTH0_CLIENT_ID": "a", "AUTH0_CLIENT_SECRET": "their-secret", "VAULT_ADDR": NOWHERE,
    "VAULT_TOKEN": "their-token", "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "x",
    "AWS_SECRET_ACCESS_KEY": "their-key", "AWS_ENDPOINT_URL": NOWHERE,
}  # fmt: skip
VAULT, AWS = "vault://secret/apps/billing", "aws://us-east-1/apps/billing"
SPELLINGS = [
    ("", "is not a sink"),
    (" ", "is not a sink"),
    ("vault", "is not a sink"),
    ("vault:secret/a", "is not a sink"),
    ("vault:/secret/a", "is not a sink"),
    ("vault://", "is not a sink"),
    ("secret/apps/billing", "is not a sink"),
    ("hashicorp://secret/a", "is no kind of vault"),
    ("AWS://us-east-1/a", "is no"),
    ("vault://secret", "names no document"),
    ("vault://secret/", "names no document"),
    ("vault:///secret/a", "names no document"),
    ("vault://secret//a", "names no document"),
    ("vault://secret/a/", "names no document"),
    ("vault://secret/data/a", "looks like an API path"),
    ("vault://secret/metadata/apps/a", "looks like an API path"),
    ("vault://secret/a#", "names an empty key"),
    ("vault://secret/../a", "'.' or '..'"),
    ("vault://secret/./a", "'.' or '..'"),
    ("vault://secret/a/..", "'.' or '..'"),
    ("vault://secret/a..b", "'.' or '..'"),
    ("vault://secret/a\n", "cannot be printed"),
    ("vault://secret/\u202ea", "cannot be printed"),
    ("vault://secret/a\x1b[2J", "cannot be printed"),
    ("vault://secret/ a", "a space at an end"),
    ("vault://secret /a", "a space at an end"),
    ("aws://", "is not a sink"),
    ("aws://a", "names no region"),
    ("aws:///a", "names no region"),
    ("aws://us-east-1", "the name of the secret is missing"),
    ("aws://us-east-1/", "the name of the secret is missing"),
    ("aws://us-east1/a", "there is no AWS region"),
    ("aws://us-esat-1/a", "there is no AWS region"),
    ("aws://US-EAST-1/a", "names no region"),
    ("aws://us-east-1/a b", "cannot be the name of a secret"),
    ("aws://us-east-1/a\n", "cannot be the name of a secret"),
    ("aws://us-east-1/ä", "cannot be the name of a secret"),
    ("aws://us-east-1/" + "a" * 600, "cannot be the name of a secret"),
    ("aws://us-east-1/a?x", "is not known"),
    ("aws://us-east-1/a?bare=1", "is not known"),
    ("aws://us-east-1/a#k?bare", "asks for a key and for the bare value"),
    ("aws://us-east-1/a#", "is not a sink in AWS"),
    ("aws://arn:aws:s3:::bucket", "is not the ARN of a secret"),
    ("aws://arn:aws:secretsmanager:us-east-1:123:secret:a-AbCdEf", "is not the ARN of a secret"),
]
VARIABLES = [
    ({"AUTH0_DOMAIN": ""}, VAULT, 2, "not set: AUTH0_DOMAIN"),
    ({"AUTH0_CLIENT_ID": ""}, VAULT, 2, "not set: AUTH0_CLIENT_ID"),
    ({"AUTH0_CLIENT_SECRET": ""}, VAULT, 2, "not set: AUTH0_CLIENT_SECRET"),
    ({"AUTH0_DOMAIN": "http://acme.eu.auth0.com"}, VAULT, 2, "AUTH0_DOMAIN"),
    ({"AUTH0_DOMAIN": "acme.eu.auth0.com/api/v2"}, VAULT, 2, "AUTH0_DOMAIN"),
    ({"AUTH0_DOMAIN": "https://a:b@acme.eu.auth0.com"}, VAULT, 2, "AUTH0_DOMAIN"),
    ({"AUTH0_DOMAIN": "acme eu"}, VAULT, 2, "AUTH0_DOMAIN"),
    ({"AUTH0_DOMAIN": "http://127.evil.example"}, VAULT, 2, "AUTH0_DOMAIN"),
    ({"AUTH0_DOMAIN": "ftp://acme.eu.auth0.com"}, VAULT, 2, "AUTH0_DOMAIN"),
    ({"AUTH0_CLIENT_ID": "a\n"}, VAULT, 2, "AUTH0_CLIENT_ID"),
    ({"AUTH0_CLIENT_SECRET": "a\r\n"}, VAULT, 2, "AUTH0_CLIENT_SECRET"),
    ({"AUTH0_API_TOKEN": "a\n"}, VAULT, 2, "AUTH0_API_TOKEN"),
    ({"AUTH0_API_TOKEN": "a b"}, VAULT, 2, "AUTH0_API_TOKEN"),
    ({"AUTH0_AUDIENCE": "\n"}, VAULT, 2, "AUTH0_AUDIENCE"),
    ({"AUTH0_CLIENT_ASSERTION_PRIVATE_KEY": "x", "AUTH0_CLIENT_SECRET": ""}, VAULT, 2, "private_key"),
    ({"BRIDGE_PROPAGATION": "soon"}, VAULT, 2, "BRIDGE_PROPAGATION"),
    ({"BRIDGE_PROPAGATION": "0s"}, VAULT, 2, "BRIDGE_PROPAGATION"),
    ({"BRIDGE_PROPAGATION": "5s", "AUTH0_DOMAIN": "acme.eu.auth0.com"}, VAULT, 2, "BRIDGE_PROPAGATION"),
    ({"BRIDGE_MIN_INTERVAL": "5"}, VAULT, 2, "BRIDGE_MIN_INTERVAL"),
    ({"BRIDGE_AUDIT": "/var/log/bridge"}, VAULT, 2, "BRIDGE_AUDIT"),
    ({"BRIDGE_AUDIT": "file:relative"}, VAULT, 2, "BRIDGE_AUDIT"),
    ({"BRIDGE_CONFIG": "/none.toml"}, None, 2, "BRIDGE_CONFIG"),
    ({"BRIDGE_CONFIG": "/"}, None, 2, "BRIDGE_CONFIG"),
    ({"BRIDGE_CONFIG": "/dev/zero"}, None, 2, "BRIDGE_CONFIG"),
    ({"VAULT_ADDR": ""}, VAULT, 2, "VAULT_ADDR is not set"),
    ({"VAULT_ADDR": "vault.example:8200"}, VAULT, 2, "VAULT_ADDR"),
    ({"VAULT_ADDR": "http://vault.example:8200"}, VAULT, 2, "in clear text"),
    ({"VAULT_ADDR": "http://127.evil.example:8200"}, VAULT, 2, "in clear text"),
    ({"VAULT_ADDR": "https://a:b@vault.example"}, VAULT, 2, "VAULT_ADDR"),
    ({"VAULT_ADDR": "https://vault.example/v1"}, VAULT, 2, "VAULT_ADDR"),
    ({"VAULT_ADDR": "https://[::1"}, VAULT, 2, "VAULT_ADDR"),
    ({"VAULT_TOKEN": ""}, VAULT, 1, "VAULT_TOKEN is not set"),
    ({"VAULT_TOKEN": "their-token\n"}, VAULT, 2, "VAULT_TOKEN"),
    ({"VAULT_TOKEN": "\ufefftheir-token"}, VAULT, 2, "VAULT_TOKEN"),
    ({"VAULT_NAMESPACE": "a\nb"}, VAULT, 2, "VAULT_NAMESPACE"),
    ({"VAULT_SKIP_VERIFY": "true"}, VAULT, 2, "VAULT_SKIP_VERIFY"),
    ({"BAO_SKIP_VERIFY": "1"}, VAULT, 2, "BAO_SKIP_VERIFY"),
    ({"VAULT_ADDR": "https://127.0.0.1:9", "VAULT_CACERT": "/none"}, VAULT, 2, "VAULT_CACERT"),
    ({"VAULT_ADDR": "https://127.0.0.1:9", "VAULT_CLIENT_CERT": "/none"}, VAULT, 2, "VAULT_CLIENT_CERT"),
    ({"VAULT_ADDR": "https://127.0.0.1:9", "HTTPS_PROXY": "ftp://h:1"}, VAULT, 2, "HTTPS_PROXY"),
    ({"VAULT_ADDR": "https://127.0.0.1:9", "ALL_PROXY": "socks://h:1"}, VAULT, 2, "ALL_PROXY"),
    ({"VAULT_ADDR": "https://127.0.0.1:9", "REQUESTS_CA_BUNDLE": "/none"}, VAULT, 2, "REQUESTS_CA_BUNDLE"),
    ({"AWS_ENDPOINT_URL": "nonsense"}, AWS, 2, "AWS_ENDPOINT_URL"),
    ({"AWS_ENDPOINT_URL": "http://evil.example"}, AWS, 2, "in clear text"),
    ({"AWS_ACCESS_KEY_ID": ""}, AWS, 1, "no usable AWS credentials"),
    ({"AWS_SECRET_ACCESS_KEY": ""}, AWS, 2, "AWS_SECRET_ACCESS_KEY"),
    ({"AWS_ACCESS_KEY_ID": "x\n"}, AWS, 2, "AWS_ACCESS_KEY_ID"),
    ({"AWS_PROFILE": "none", "AWS_CONFIG_FILE": "/none"}, AWS, 2, "AWS_PROFILE"),
    ({"AWS_ENDPOINT_URL": "https://127.0.0.1:9", "AWS_CA_BUNDLE": "/none"}, AWS, 2, "AWS_CA_BUNDLE"),
    ({"AWS_ENDPOINT_URL": "https://127.0.0.1:9", "HTTPS_PROXY": "http://[::1"}, AWS, 2, "HTTPS_PROXY"),
]  # fmt: skip
ARGUMENTS = [
    (("rotate",), "no client is named"),
    (("rotate", ""), "NAME"),
    (("rotate", "a b", "--sink", VAULT), "NAME"),
    (("rotate", "X\n", "--sink", VAULT), "NAME"),
    (("rotate", "X" * 600, "--sink", VAULT), "NAME"),
    (("rotate", "X"), "no bridge.toml in"),
    (("status",), "no bridge.toml"),
    (("rotate", "--all"), "no bridge.toml"),
    (("rotate", "X", "--sink", VAULT, "--sink", VAULT), "is named twice"),
    (("rotate", "X", "--sink", VAULT, "--sink", f"{VAULT}#other"), "is named twice"),
    (("rotate", "X", "--sink", VAULT, "--key", ""), "empty key"),
    (("rotate", "X", "--sink", VAULT, "--strategy", "fast"), "--strategy"),
    (("rotate", "X", "--sink", VAULT, "--compromised"), "--reason"),
    (("rotate", "X", "--sink", VAULT, "--reason", "x"), "--compromised"),
    (("rotate", "X", "--sink", VAULT, "--secret-stdin"), "standard input is empty"),
    (("rotate", "X", "--sink", VAULT, "--frobnicate"), "--frobnicate"),
    (("rotate", "X", "--config", "/none.toml"), "/none.toml"),
    (("rotate", "X", "--config", "/dev/zero"), "/dev/zero"),
    (("retire", "X", "--sink", VAULT, "--force"), "--reason"),
    (("history", "X", "--sink", VAULT, "--limit", "0"), "--limit"),
    (("history", "X", "--sink", VAULT, "--limit", "many"), "--limit"),
    (("policy", "--role", "king", "X", "--sink", VAULT), "--role"),
    (("policy", "X", "--sink", VAULT), "--role"),
    (("policy", "--role", "operator", "--format", "xml", "X", "--sink", VAULT), "--format"),
    (("exec", "X", "--sink", VAULT), "COMMAND"),
    (("exec", "X", "--sink", VAULT, "--on-change", "SIGWHAT", "--", "true"), "--on-change"),
    (("frobnicate",), "frobnicate"),
]


def refused(status: int, words: str, *args: str) -> None:
    ended = invoke(*args)
    assert ended.status == status, ended.told
    # Long messages of Typer are broken into lines within a frame.
    told = " ".join(ended.told.replace("│", " ").split())
    assert words in told, ended.told
    for never in ("Traceback", "should not happen", "their-", "\x1b", "\u202e"):
        assert never not in ended.told
    assert any(mark in told for mark in ("->", "expected", "(", "; ", "for help")), ended.told


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Set what a command needs, and nothing else: an empty directory, and servers that nobody runs."""
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name != "PATH":
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name, text in GOOD.items():
        monkeypatch.setenv(name, text)


@pytest.mark.parametrize("verb", ["rotate", "status"])
@pytest.mark.parametrize(("sink", "words"), SPELLINGS)
def test_the_spelling_of_a_sink(verb: str, sink: str, words: str) -> None:
    refused(2, words, verb, "X", "--sink", sink)


@pytest.mark.parametrize(("wrong", "sink", "status", "words"), VARIABLES)
def test_a_variable(
    monkeypatch: pytest.MonkeyPatch, wrong: dict[str, str], sink: str | None, status: int, words: str
) -> None:
    for name, text in wrong.items():
        monkeypatch.setenv(name, text) if text else monkeypatch.delenv(name, raising=False)
    # Auth0 is asked first where both are, so what concerns a vault is tried by a command that asks the vault alone.
    verb = "rotate" if any(name.startswith(("AUTH0", "BRIDGE")) for name in wrong) else "status"
    refused(status, words, verb, "X", *(("--sink", sink) if sink else ()))


@pytest.mark.parametrize(("args", "words"), ARGUMENTS)
def test_an_argument(args: tuple[str, ...], words: str) -> None:
    refused(2, words, *args)
