"""Which addresses are this machine itself."""

from __future__ import annotations

import pytest

from sinks.loopback import is_loopback, is_private


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST", "127.0.0.1", "127.8.9.1", "::1", "http://127.0.0.1:8200", "http://[::1]:8200/v1"]
)
def test_this_machine_itself(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    [
        "127.evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "evil.example", "10.0.0.1", "0.0.0.0",
        "::", "http://127.0.0.1@evil.example", "http://[::1", "http://[127.evil]/", "", "http://", "127.0.0.1/../evil",
    ],
)  # fmt: skip
def test_other_machines(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize(
    ("url", "private"),
    [
        ("https://vault.example", True),
        ("http://127.0.0.1:8200", True),
        ("http://vault.example", False),
        ("http://127.evil.example:8200", False),
        ("ftp://127.0.0.1", False),
        ("vault.example", False),
        ("http://[::1", False),
    ],
)
def test_an_address_is_private_by_tls_or_because_it_is_this_machine(url: str, private: bool) -> None:
    assert is_private(url) is private
