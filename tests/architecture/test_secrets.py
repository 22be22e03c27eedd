"""Where a secret's text may be taken out."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.architecture.sources import ROOT, SOURCES, nodes

ALLOWED = {
    "sinks/document.py",  # a document is written whole
    "sinks/seal.py",  # the current value is the key of the seal
    "sinks/references.py",  # whether a secret holds characters that none has
    "sinks/vault/api.py",  # the write to Vault
    "sinks/vault/connection.py",  # logging in to Vault
    "sinks/vault/state.py",  # reads what a lock says about itself
    "bridge/auth0/api.py",  # a client id given as a reference
    "bridge/auth0/management.py",  # the PATCH, and the bearer token of each request
    "bridge/auth0/probe.py",  # the probe
    "bridge/agent/callers.py",  # the length of a caller's token
    "bridge/agent/endpoint.py",  # candidates, for programs that ask Auth0 themselves
    "bridge/audit/chain.py",  # the key of the record's chain
    "bridge/audit/recorder.py",  # its length
    "bridge/config/stored.py",  # its characters, and the claims of a job's token
    "bridge/fleet/database.py",  # the URL of the engine's database
    "bridge/notify/post.py",  # a service's URL, to the process that sends
    "bridge/operations/new_value.py",  # a value that a user brings is checked
    "bridge/auth0/tenant.py",  # the management token's request
    "bridge/cli/commands/use.py",  # `read`, whose purpose it is
    "bridge/cli/output/env_files.py",  # the same, as variables
    "bridge/cli/child_process.py",  # `exec`: the environment of the program that it starts
    "bridge/consumer/client_secret.py",  # a candidate, for the application's own request
    "bridge/consumer/client_credentials.py",  # the application's token request
    "bridge/doctor/base64.py",  # whether a value is Base64
    "bridge/sandbox/readers.py",  # the demo's applications
}


def reveals(path: Path) -> list[int]:
    return [
        node.lineno
        for node in nodes(path)
        if isinstance(node, ast.Attribute) and node.attr in {"reveal", "reveal_text", "_text", "_data", "_bare"}
        and not (isinstance(node.value, ast.Name) and node.value.id in {"self", "other", "show"})
    ]  # fmt: skip


def test_secrets_are_revealed_only_where_a_request_needs_them() -> None:
    assert [name for name in ALLOWED if not (ROOT / name).is_file()] == []
    found = {str(path.relative_to(ROOT)): lines for path in SOURCES if (lines := reveals(path))}
    aws = {name for name in found if name.startswith("sinks/aws/")}
    assert set(found) - aws - ALLOWED == set()
    assert aws <= {"sinks/aws/access.py", "sinks/aws/api.py", "sinks/aws/state.py"}


def test_the_check_sees_a_reveal_when_there_is_one() -> None:
    assert reveals(ROOT / "sinks/vault/api.py") != []


def test_nothing_prints_outside_the_command_line() -> None:
    for path in SOURCES:
        if path.is_relative_to(ROOT / "bridge/cli"):
            continue
        calls = [n for n in nodes(path) if isinstance(n, ast.Call)]
        printed = [c.lineno for c in calls if isinstance(c.func, ast.Name) and c.func.id == "print"]
        assert printed == [], path
