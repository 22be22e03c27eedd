"""The applications of a tenant: from the sandbox's Auth0, and from answers that are not Auth0's."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import httpx
import pytest

from bridge.auth0 import applications
from bridge.auth0.api import connect
from bridge.auth0.client import Client
from bridge.auth0.errors import Forbidden, Unreachable
from bridge.config.references import resolve
from bridge.model.tenant import TenantSettings
from bridge.sandbox.auth0 import LocalAuth0
from bridge.sandbox.auth0.limits import Rate


@pytest.fixture
def local(clock: Any) -> Iterator[LocalAuth0]:
    with LocalAuth0(clock=clock, random=Random(7)) as running:
        yield running


def opened(local: LocalAuth0, clock: Any, *scopes: str) -> Any:
    own = local.tenant.add_management_client(scopes or ("read:clients", "read:client_keys"), "bridge")
    settings = TenantSettings("local", local.url, client_id=own.client_id, client_secret="env:OWN_SECRET")
    return connect(settings, lambda reference: resolve(reference, {"OWN_SECRET": own.client_secret}), clock)


def ids(pages: Any) -> list[list[str]]:
    return [[one["client_id"] for one in page] for page in pages]


def test_every_application_of_a_large_tenant_comes_once_and_without_a_secret(local: LocalAuth0, clock: Any) -> None:
    auth0 = opened(local, clock)
    for n in range(1249):
        local.tenant.add_client(f"C{n}", name=f"web-{n}", client_metadata={"team": "a"})
    found = list(applications.pages(auth0))
    assert [len(page) for page in found] == [100] * 12 + [50]
    assert len({one["client_id"] for page in found for one in page}) == 1250
    assert not any("client_secret" in one for page in found for one in page)
    assert not [entry for entry in local.tenant.logs() if entry["type"] == "mgmt_api_read"]


def test_250_applications_are_three_requests(local: LocalAuth0, clock: Any) -> None:
    auth0 = opened(local, clock)
    for n in range(249):
        local.tenant.add_client(f"C{n}")
    assert sum(map(len, applications.pages(auth0))) == 250
    assert [request.path for request in local.tenant.requests].count("/api/v2/clients") == 3


def test_an_entry_becomes_a_client_with_its_metadata(local: LocalAuth0, clock: Any) -> None:
    auth0 = opened(local, clock)
    local.tenant.add_client("C1", kind="web", name="billing", client_metadata={"team": "a", "odd": 7})
    entry = next(one for page in applications.pages(auth0) for one in page if one["client_id"] == "C1")
    client = Client.from_api(entry, entry["client_id"])
    assert (client.name, client.app_type, dict(client.metadata)) == ("billing", "regular_web", {"team": "a"})


def test_the_global_client_is_left_out_unless_asked_for(local: LocalAuth0, clock: Any) -> None:
    auth0 = opened(local, clock)
    local.tenant.add_client("G", kind="global")
    assert ids(applications.pages(auth0)) == [["bridge"]]
    assert ids(applications.pages(auth0, with_global=True)) == [["bridge", "G"]]


def test_a_rate_limit_is_waited_for(local: LocalAuth0, clock: Any) -> None:
    auth0 = opened(local, clock)
    for n in range(500):
        local.tenant.add_client(f"C{n}")
    local.tenant.limit("read_clients", Rate(2, 1))
    assert sum(map(len, applications.pages(auth0))) == 501


def test_a_missing_scope_is_named(local: LocalAuth0, clock: Any) -> None:
    with pytest.raises(Forbidden, match="read:clients"):
        list(applications.pages(opened(local, clock, "read:logs")))


def test_a_tenant_without_applications_has_no_page(connect: Any, wire: Any) -> None:
    wire.answers = [httpx.Response(200, json={"clients": []})]
    assert list(applications.pages(connect())) == []
    asked = wire.requests[0].url.params
    assert (asked["take"], asked["include_fields"], "from" in asked, "page" in asked) == ("100", "true", False, False)
    assert "client_secret" not in asked["fields"].split(",")


def test_an_empty_page_and_a_repeated_application_do_not_matter(connect: Any, wire: Any) -> None:
    wire.answers = [
        httpx.Response(200, json={"clients": [{"client_id": "a"}], "next": "1"}),
        httpx.Response(200, json={"clients": [], "next": "2"}),
        httpx.Response(200, json={"clients": [{"client_id": "a"}, {"client_id": "b"}], "next": ""}),
    ]
    assert ids(applications.pages(connect())) == [["a"], ["b"]]
    assert [request.url.params.get("from") for request in wire.requests] == [None, "1", "2"]


@pytest.mark.parametrize(
    "body",
    [
        [], [{"client_id": "a"}], {}, {"clients": None}, {"clients": {"client_id": "a"}}, {"clients": ["a"]},
        {"clients": [{"name": "a"}]}, {"clients": [{"client_id": 7}]}, {"clients": [{"client_id": ""}]},
        {"clients": [None]}, {"clients": [], "next": 7}, {"clients": [], "next": ["a"]},
    ],
)  # fmt: skip
def test_what_is_not_a_page_of_applications_is_an_error(connect: Any, wire: Any, body: Any) -> None:
    wire.answers = [httpx.Response(200, json=body)]
    with pytest.raises(Unreachable, match="application"):
        list(applications.pages(connect()))


def test_pages_that_go_round_in_a_circle_are_an_error(connect: Any, wire: Any) -> None:
    wire.answers = [httpx.Response(200, json={"clients": [{"client_id": "a"}], "next": "a"})]
    with pytest.raises(Unreachable, match="without an end"):
        list(applications.pages(connect()))
    assert len(wire.requests) == 2


def test_pages_that_never_end_are_an_error(connect: Any, wire: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(applications, "MOST_PAGES", 20)
    wire.answers = [lambda _: httpx.Response(200, json={"clients": [], "next": str(len(wire.requests))})]
    with pytest.raises(Unreachable, match="without an end"):
        list(applications.pages(connect()))
    assert len(wire.requests) == 20


def test_one_application_is_read_with_its_metadata_or_is_not_there(local: LocalAuth0, clock: Any) -> None:
    auth0 = opened(local, clock)
    local.tenant.add_client("C1", name="billing", client_metadata={"team": "a"})
    found = applications.one(auth0, "C1")
    assert found is not None
    assert (found.client_id, found.name, dict(found.metadata)) == ("C1", "billing", {"team": "a"})
    assert applications.one(auth0, "C2") is None


def test_an_answer_about_one_application_that_names_none_is_an_error(connect: Any, wire: Any) -> None:
    wire.answers = [httpx.Response(200, json={"name": "billing"})]
    with pytest.raises(Unreachable, match="something that is no application"):
        applications.one(connect(), "a/b c")
    assert wire.requests[0].url.raw_path.startswith(b"/api/v2/clients/a%2Fb%20c?")
