"""The code that the page for applications shows, on real servers."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.docs.pages import DOCS, fences
from tests.e2e.world import MakeWorld
from tests.unit.consumer.asking import AUDIENCE, Application
from tests.unit.consumer.test_candidates import adopted

SHOWN = fences(DOCS / "guide" / "applications.md", "python")


def test_an_application_with_httpx(make_live: MakeWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    world = make_live(ends="vault")
    adopted(world)
    world.tenant.grant(world.client_id, AUDIENCE, ())
    sent: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200)

    code = SHOWN[0].text.replace("acme.eu.auth0.com", world.servers.auth0.url).replace("AbC123", world.client_id)
    code = code.replace("vault://secret/apps/billing", world.vault.uri)
    code = code.replace("httpx.Client(auth=auth)", "httpx.Client(auth=auth, transport=transport)")
    names: dict[str, Any] = {"transport": httpx.MockTransport(answer)}
    exec(code, names)  # our own page
    assert [str(request.url) for request in sent] == ["https://api.acme/invoices"]
    assert sent[0].headers["Authorization"].startswith("Bearer ey")
    names["auth"].close()
    names["secret"].close()


def test_an_application_that_takes_the_candidates_itself(make_world: MakeWorld) -> None:
    world = adopted(make_world(ends="aws"))
    application = Application(world, world.uris[0])
    asked: list[str] = []

    def ask(value: str) -> httpx.Response:
        asked.append(value)
        return httpx.Response(200 if value == world.live else 401)

    world.rotate()
    exec(SHOWN[1].text, {"secret": application.secret, "ask": ask})  # our own page
    assert asked == [world.live]
    application.close()
