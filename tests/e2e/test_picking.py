"""Which clients are due, among many: the same as by surveying each, and far fewer requests."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from bridge.cli.picking import Order, Rule, pick
from bridge.config.load import load
from bridge.config.settings import ClientSettings, Settings
from bridge.execution.open import Common, survey
from bridge.fleet.rules import Due, retirable, rotatable
from bridge.sandbox.openbao import OpenBao
from sinks.vault import together
from sinks.vault.http import Adapter
from tests.contract.harness import AwsHarness, VaultHarness
from tests.contract.operator import CLIENT
from tests.contract.states import STATES
from tests.e2e.command import invoke
from tests.unit.sinks.aws.factory import CREDENTIALS, REGION
from tests.unit.sinks.aws.mocked import strict_aws

COUNT = 16
DUE, LEFT_BEHIND, WIPED = "client-07", "client-11", "client-13"
CONFIG = """
[tenants.local]
domain = "acme.eu.auth0.com"
client_id = "env:ID"
client_secret = "env:SECRET"

[vaults.eu]
type = "vault"
url = "{url}"
auth = {{ method = "token", token = "env:VAULT_TOKEN" }}

[vaults.use1]
type = "aws"
region = "{region}"

[defaults]
max_age = "36500d"
fallback_min_age = "36500d"
fallback_max_age = "36501d"
"""
ONE = """
[clients.{name}]
tenant = "local"
client_id = "{client_id}"
sinks = {sinks}
{more}
"""
Pair = tuple[Settings, ClientSettings]


@dataclass
class Many:
    """Clients with a document in one folder and a secret each; one is due, and two are in an odd state."""

    home: Path
    bao: OpenBao
    unique: str
    asked: pytest.LogCaptureFixture

    def make(self, count: int = COUNT, *, vault: bool = True, aws: bool = True) -> list[Pair]:
        text = CONFIG.format(url=self.bao.url, region=REGION)
        for number in range(count):
            name = f"client-{number:02}"
            state = STATES[{LEFT_BEHIND: "left_behind", WIPED: "wiped"}.get(name, "rotated_once")]
            path = f"{self.unique}/{name}"
            if vault:
                state(VaultHarness(self.bao, path))
            if aws:
                state(AwsHarness(path))
            sinks = [f"eu://secret/apps/{path}"] * vault + [f"use1://apps/{path}"] * aws
            more = 'max_age = "0s"' if name == DUE else ""
            text += ONE.format(name=name, client_id=name, sinks=sinks, more=more).replace("'", '"')
        (self.home / "bridge.toml").write_text(text, "utf-8")
        settings = load(self.home / "bridge.toml", {})
        return [(settings, replace(client, client_id=CLIENT)) for client in settings.clients.values()]

    def picked(self, found: list[Pair], rule: Rule) -> list[str]:
        self.asked.clear()
        picked = pick(found, rule, jobs=1, common=Common())
        assert picked.unread == {}
        return [client.name for _, client in picked.clients]

    def requests(self) -> Counter[str]:
        """Return how many requests of each kind were made since."""
        said = Counter[str]()
        for record in self.asked.records:
            words = record.getMessage().split()
            if record.name == "sinks.vault.http":
                said["listing" if "detailed-metadata" in words[1] else "vault"] += 1
            elif record.name == "sinks.aws.api":
                said[words[0]] += 1
        return said


@pytest.fixture
def many(
    bao: OpenBao, unique: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> Iterator[Many]:
    monkeypatch.setattr(together, "RECENT", timedelta(hours=-1))  # nobody changes anything here
    monkeypatch.setenv("VAULT_TOKEN", bao.token)
    with strict_aws(monkeypatch), caplog.at_level(logging.DEBUG, "sinks"):
        for name, value in CREDENTIALS.items():
            monkeypatch.setenv(name, value)
        yield Many(tmp_path, bao, unique, caplog)


def one_by_one(found: list[Pair], rule: Rule) -> list[str]:
    """Return who is due by a survey of each."""
    assert rule.due
    common = Common()
    return [
        client.name
        for settings, client in found
        if rule.due(client, survey(settings, client, common), common.clock.monotonic())
    ]


def test_of_many_documents_those_that_are_due_are_found_by_two_requests(many: Many) -> None:
    found = many.make(50, aws=False)
    rule = Rule(due=Due(rotatable))
    assert many.picked(found, rule) == [DUE, LEFT_BEHIND] == one_by_one(found, rule)
    many.picked(found, rule)
    # Two listings, and the mount's settings.
    assert many.requests() == {"listing": 2, "vault": 1}


def test_of_many_secrets_each_takes_one_request_and_those_that_are_due_two_more(many: Many) -> None:
    found = many.make(vault=False)
    rule = Rule(due=Due(rotatable))
    assert many.picked(found, rule) == [DUE, LEFT_BEHIND] == one_by_one(found, rule)
    many.picked(found, rule)
    whole = 2 + 1 + 1  # the two picked ones; the second of these, and the wiped one, are not brief either
    assert many.requests() == {"DescribeSecret": COUNT + whole, "ListSecretVersionIds": whole}


def test_nobody_is_picked_otherwise_than_by_a_survey_of_each(many: Many) -> None:
    found = many.make()
    for rule in (Rule(due=Due(rotatable)), Rule(due=Due(retirable))):
        assert many.picked(found, rule) == one_by_one(found, rule)
    early = [(settings, replace(client, fallback_min_age=timedelta())) for settings, client in found]
    assert many.picked(early, Rule(due=Due(retirable))) == one_by_one(early, Rule(due=Due(retirable)))
    assert len(many.picked(early, Rule(due=Due(retirable)))) == COUNT - 2
    since = Rule(not_since=datetime(2000, 1, 1, tzinfo=UTC))
    assert many.picked(found, since) == [LEFT_BEHIND, WIPED]
    # Nobody has answered a leak, so all of them still hold what leaked.
    assert many.picked(found, replace(since, leaked=True)) == [c.name for _, c in found]
    assert many.picked(found, Rule(not_since=datetime(2999, 1, 1, tzinfo=UTC))) == [c.name for _, c in found]
    oldest = [client.name for _, client in pick(found, Rule(order=Order.OLDEST), jobs=4, common=Common()).clients]
    common = Common()
    ages = {client.name: survey(settings, client, common).promoted for settings, client in found}
    assert oldest == sorted(ages, key=lambda name: (ages[name] is not None, ages[name]))


def test_status_and_report_say_the_same_after_two_requests(many: Many, monkeypatch: pytest.MonkeyPatch) -> None:
    many.make(aws=False)
    monkeypatch.chdir(many.home)
    shown: dict[str, list[object]] = {}
    sent: list[str] = []
    send = Adapter.send

    def note(adapter: Adapter, request: requests.PreparedRequest, *args: Any, **more: Any) -> requests.Response:
        sent.append("listing" if "detailed-metadata" in str(request.url) else "vault")
        return send(adapter, request, *args, **more)

    monkeypatch.setattr(Adapter, "send", note)
    for least in (together.LEAST, COUNT + 1):
        monkeypatch.setattr(together, "LEAST", least)
        for command in ("status", "report"):
            sent.clear()
            ended = invoke(command, "--json")
            assert ended.status == 0, ended.told
            # Rows of one age may come in either order: each has the time at which it was read.
            says = sorted((each["client"], each["state"], str(each["sinks"])) for each in ended.objects)
            assert shown.setdefault(command, says) == says
            whole = {"listing": 2, "vault": 1} if least <= COUNT else {"vault": 2 * COUNT + 1}
            assert Counter(sent) == whole


def test_what_is_told_together_is_each_clients_status(many: Many) -> None:
    found = many.make()
    listed, by_itself = Common(), Common()
    listed.survey_together(found)
    assert len(listed.known) == COUNT
    for settings, client in found:
        told, alone = survey(settings, client, listed), survey(settings, client, by_itself)
        assert (told.kind, told.state, told.promoted, told.fallbacks) == (
            alone.kind, alone.state, alone.promoted, alone.fallbacks,
        )  # fmt: skip
