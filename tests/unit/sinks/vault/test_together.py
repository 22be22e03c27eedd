"""Many documents by one listing: the states are those of single surveys, and whatever is in doubt is left out."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import hvac
import pytest

from bridge.sandbox.openbao import OpenBao
from sinks import open_sink, survey_together
from sinks.secret import Secret
from sinks.shared import Shared
from sinks.state import SinkState
from sinks.vault import Auth, Settings, together
from sinks.vault.api import Kv
from sinks.vault.connection import Connection
from sinks.vault.rights import LEAST
from tests.contract.harness import ManualClock, VaultHarness, admin
from tests.contract.states import STATES
from tests.support.proxy import Answer, Proxy

NAMES = tuple(f"doc-{number:02}" for number in range(LEAST))
TOKEN = Auth(token="env:TOKEN")
Change = Callable[[dict[str, Any]], Any]


class Folder:
    """A folder in the server, and who looks at the documents in it."""

    def __init__(self, bao: OpenBao, unique: str) -> None:
        self.bao = bao
        self.name = f"secret/apps/{unique}"
        self.unique = unique
        self.kv = admin(bao).secrets.kv.v2
        self.suffix = "/pending"
        self.token = bao.token

    def harness(self, name: str) -> VaultHarness:
        settings = Settings(self.bao.url, auth=TOKEN, pending_suffix=self.suffix)
        return VaultHarness(self.bao, f"{self.unique}/{name}", settings)

    def fill(self, *names: str) -> None:
        """Write documents with a key beside each."""
        for name in names:
            for key in (name, name + self.suffix):
                self.kv.create_or_update_secret(f"apps/{self.unique}/{key}", {"client_secret": "a-value"})

    def settings(self, url: str = "") -> Settings:
        return Settings(url or self.bao.url, auth=TOKEN, pending_suffix=self.suffix)

    def uris(self, names: tuple[str, ...] = NAMES) -> list[str]:
        return [f"vault://{self.name}/{name}" for name in names]

    def told(self, names: tuple[str, ...] = NAMES, url: str = "") -> Mapping[str, SinkState]:
        """Survey documents together."""
        return survey_together(
            "vault", self.uris(names), "vault", self.settings(url), resolve=self._token, shared=Shared()
        )

    def single(self, uri: str) -> SinkState:
        return open_sink(uri, "vault", self.settings(), resolve=self._token).survey()

    def _token(self, _reference: str) -> Secret:
        return Secret(self.token)

    def asked(
        self, change: Change | None = None, *, status: int = 200, names: tuple[str, ...] = NAMES
    ) -> tuple[list[str], Mapping[str, SinkState]]:
        """Survey together through a proxy, which may change what the listing answers; return what was asked."""
        asked: list[str] = []

        def gate(what: str, ask: Callable[[], Answer]) -> Answer:
            listing = "detailed-metadata" in what
            asked.extend([what] if listing else [])
            answer = ask()
            if not listing or (change is None and status == 200):
                return answer
            body = json.loads(answer.body)
            body = change(body) if change else {"errors": []}
            return replace(answer, status=status, body=json.dumps(body).encode())

        with Proxy(self.bao.url, gate=gate) as proxy:
            return asked, self.told(names, url=proxy.url)


@pytest.fixture
def folder(bao: OpenBao, unique: str) -> Folder:
    return Folder(bao, unique)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what was changed just now count as unchanged: nobody else is here."""
    monkeypatch.setattr(together, "RECENT", timedelta(hours=-1))


def same(one: SinkState, other: SinkState) -> bool:
    return replace(one, at=other.at) == other


@pytest.fixture(params=["/pending", "-lock"])
def everything(request: pytest.FixtureRequest, folder: Folder, at_once: None) -> Folder:
    """A folder with a document in each state, and some that only the vault gets into."""
    folder.suffix = request.param
    for name, state in STATES.items():
        state(folder.harness(name))
    folder.fill("deleted", "destroyed", "short-lived")
    folder.kv.delete_latest_version_of_secret(f"apps/{folder.unique}/deleted")
    folder.kv.destroy_secret_versions(f"apps/{folder.unique}/destroyed", [1])
    folder.kv.update_metadata(f"apps/{folder.unique}/short-lived", delete_version_after="3h", max_versions=2)
    return folder


def test_each_state_is_what_a_survey_of_it_alone_returns(everything: Folder) -> None:
    names = (*STATES, "deleted", "destroyed", "short-lived", "never-written")
    told = everything.told(names)
    never_claimed = {"nothing", "filled", "of_another_manager", "never-written"}  # without a lock key
    assert set(told) == set(everything.uris(tuple(name for name in names if name not in never_claimed)))
    assert [uri for uri, state in told.items() if not same(state, everything.single(uri))] == []


def test_two_requests_tell_of_all(folder: Folder, at_once: None) -> None:
    folder.fill(*NAMES)
    asked, told = folder.asked()
    assert ([("scan=true" in what) for what in asked], set(told)) == ([False, True], set(folder.uris()))


def test_pages_are_followed_to_the_end(folder: Folder, at_once: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(together, "PAGE", 4)  # of 20 names
    folder.fill(*NAMES)
    asked, told = folder.asked()
    assert len(asked) == 5 + 1 + 1  # the fifth page is full, so there is a sixth, and it is empty
    assert set(told) == set(folder.uris())


def test_what_changed_just_now_is_left_out(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(together, "RECENT", timedelta(seconds=1))
    folder.fill(*NAMES)
    assert folder.told() == {}
    time.sleep(2.5)  # the server's clock is known to a second
    assert set(folder.told()) == set(folder.uris())
    kv, path = folder.kv, f"apps/{folder.unique}/{{}}".format
    kv.create_or_update_secret(path(NAMES[0]), {"theirs": "x"})
    kv.update_metadata(path(NAMES[1]), custom_metadata={"theirs": "x"})
    kv.delete_latest_version_of_secret(path(NAMES[2]))
    kv.create_or_update_secret(path(f"{NAMES[3]}/pending"), {"theirs": "x"})
    assert set(folder.told()) == set(folder.uris(NAMES[4:]))


def test_few_documents_are_not_worth_a_listing(folder: Folder, at_once: None) -> None:
    folder.fill(*NAMES)
    assert folder.told(NAMES[1:]) == {}


def test_a_folder_of_others_is_given_up_after_a_page(
    folder: Folder, at_once: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(together, "PAGE", 50)
    folder.fill(*NAMES)
    for number in range(200):
        folder.kv.create_or_update_secret(f"apps/{folder.unique}/a-{number}", {"theirs": "x"})
    asked, told = folder.asked()
    assert (len(asked), told) == (2, {})


def test_folders_of_others_are_not_scanned(folder: Folder, at_once: None) -> None:
    folder.fill(*NAMES)
    folder.kv.create_or_update_secret(f"apps/{folder.unique}/theirs/deep", {"theirs": "x"})
    asked, told = folder.asked()
    assert (len(asked), told) == (1, {})


POLICY = """
path "secret/metadata/apps/{0}/*" {{ capabilities = ["read"] }}
path "secret/detailed-metadata/apps/{0}/" {{ capabilities = {1} }}
"""


@pytest.mark.parametrize(("capabilities", "told"), [("[]", 0), ('["list"]', 0), ('["list", "scan"]', len(NAMES))])
def test_without_the_right_it_tells_nothing(folder: Folder, at_once: None, capabilities: str, told: int) -> None:
    folder.fill(*NAMES)
    root = admin(folder.bao)
    root.sys.create_or_update_policy(folder.unique, POLICY.format(folder.unique, capabilities))
    folder.token = root.auth.token.create(policies=[folder.unique])["auth"]["client_token"]
    assert len(folder.told()) == told
    assert folder.single(folder.uris()[0]).exists


@pytest.mark.parametrize("status", [404, 405, 500, 503])
def test_a_server_without_the_listing_tells_nothing(folder: Folder, at_once: None, status: int) -> None:
    """HashiCorp's Vault is such a server."""
    folder.fill(*NAMES)
    asked, told = folder.asked(status=status)
    assert (len(asked), told) == (1, {})


@pytest.mark.parametrize(("status", "asked"), [(404, 2), (405, 2), (500, 1)])
def test_of_a_server_that_fails_no_other_folder_is_asked(
    folder: Folder, at_once: None, status: int, asked: int
) -> None:
    names = (*NAMES, *(f"deeper/{name}" for name in NAMES))
    folder.fill(*names)
    listed, told = folder.asked(status=status, names=names)
    assert (len(listed), told) == (asked, {})


def _entries(change: Callable[[str, Any], Any]) -> Change:
    """Return a change of each entry."""

    def changed(body: dict[str, Any]) -> dict[str, Any]:
        info = {name: change(name, each) for name, each in body["data"]["key_info"].items()}
        return {**body, "data": {**body["data"], "key_info": info}}

    return changed


ODD: dict[str, Change] = {
    "no object": lambda body: [],
    "no data": lambda body: {**body, "data": None},
    "no entries": lambda body: {**body, "data": {"keys": body["data"]["keys"]}},
    "entries in a list": lambda body: {**body, "data": {**body["data"], "key_info": [1]}},
    "names that are none": lambda body: {**body, "data": {**body["data"], "keys": [1, None]}},
    "empty entries": _entries(lambda name, each: {}),
    "entries that are none": _entries(lambda name, each: None),
    "no versions": _entries(lambda name, each: {**each, "versions": None}),
    "no times": _entries(lambda name, each: {k: v for k, v in each.items() if k != "updated_time"}),
    "times without a zone": _entries(lambda name, each: {**each, "updated_time": "2020-01-01T00:00:00"}),
    "tags that are none": _entries(lambda name, each: {**each, "custom_metadata": ["x"]}),
    "no lock keys": _entries(lambda name, each: None if name.endswith("/pending") else each),
}


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_answer_tells_nothing(folder: Folder, at_once: None, odd: str) -> None:
    folder.fill(*NAMES)
    _, told = folder.asked(ODD[odd])
    assert told == {}


def test_pages_that_never_end_are_left(folder: Folder, at_once: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(together, "PAGE", 2 * len(NAMES))
    folder.fill(*NAMES)

    def endless(body: dict[str, Any]) -> dict[str, Any]:
        return {**body, "data": {"keys": [f"{name}{end}" for name in NAMES for end in ("", "/")], "key_info": {}}}

    asked, told = folder.asked(endless)
    assert (len(asked) <= 2, told) == (True, {})


def test_names_below_a_mount_itself_are_listed_too(bao: OpenBao, folder: Folder, at_once: None) -> None:
    root = admin(bao)
    root.sys.enable_secrets_engine("kv", path=f"kv/{folder.unique}", options={"version": "2"})
    for name in NAMES:
        for key in (name, f"{name}/pending"):
            _patiently(lambda key=key: root.secrets.kv.v2.create_or_update_secret(
                key, {"client_secret": "x"}, mount_point=f"kv/{folder.unique}"))  # fmt: skip
    folder.name = f"kv/{folder.unique}"
    told = folder.told()
    assert set(told) == set(folder.uris())
    assert all(same(state, folder.single(uri)) for uri, state in told.items())
    root.sys.disable_secrets_engine(f"kv/{folder.unique}")


def _patiently(write: Callable[[], object]) -> None:
    """Write to a mount that may still be in the making."""
    for _ in range(100):
        try:
            write()
        except hvac.exceptions.InvalidRequest:
            time.sleep(0.05)
        else:
            return


def test_a_denial_of_a_mounts_settings_is_no_answer_for_all_later_sinks(bao: OpenBao, unique: str) -> None:
    """The token may have ended. What is not known hides that a mount deletes versions by itself."""
    clock, denied = ManualClock(), [True]

    def gate(what: str, ask: Callable[[], Answer]) -> Answer:
        refuses = denied[0] and "/config" in what
        return replace(ask(), status=403, body=b'{"errors":["permission denied"]}') if refuses else ask()

    with Proxy(bao.url, gate=gate) as proxy:
        connection = Connection(Settings(proxy.url, auth=TOKEN), lambda _: Secret(bao.token), clock)
        first, second = Kv(connection), Kv(connection)
        assert first.config(f"secret/apps/{unique}") is None
        denied[0] = False
        assert second.config(f"secret/apps/{unique}") is None  # for a minute
        clock.advance(61)
        assert second.config(f"secret/apps/{unique}") is not None
