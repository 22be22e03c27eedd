"""Thirty simulated days of sweeps: the policy held every day, as the audit record alone shows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

from bridge.config.load import load
from bridge.config.settings import Settings
from bridge.fleet.batch import Means, do
from bridge.fleet.sweep import sweep
from bridge.model.progress import Stop
from tests.e2e.command import done, invoke
from tests.e2e.test_several_clients import adopted, write
from tests.e2e.world import DAY, MakeWorld, World
from tests.unit.evidence.tenancy import AUDIENCE, LOGS, MAILER, Tenancy

HOUR = timedelta(hours=1)
MAX_AGE, MIN_FALLBACK = 5 * DAY, 2 * DAY
WINDOW = (6, 20)  # hours, UTC
POLICY = """
max_age = "5d"
fallback_min_age = "2d"
fallback_max_age = "4d"
windows = ["Mon-Sun 06:00-20:00 UTC"]
on_drift = "sync"
"""
KEY, RECORD = "k" * 40, "audit.jsonl"
DAYS, FAILING, BY_HAND = 30, (8, 9), (4, 17)
"""How many days, on which of them the tenant fails, and on which somebody changes a secret in the dashboard."""
STALE = range(14, 21)
"""The days on which a consumer of `mailer` does not read its secret anew."""


@dataclass(frozen=True)
class Attempt:
    """What the record says about one attempt that changed something."""

    client: str
    command: str
    began: datetime
    ended: datetime
    outcome: str
    exit: int


def attempts(record: Path) -> Iterator[Attempt]:
    lines = [json.loads(line) for line in record.read_text("utf-8").splitlines()]
    begun = {line["attempt"]: line for line in lines if line["event"] == "begin"}
    for line in lines:
        if line["event"] == "end":
            first = begun.pop(line["attempt"])
            yield Attempt(
                line["client"], line["command"], datetime.fromisoformat(first["at"]),
                datetime.fromisoformat(line["at"]), line["outcome"], line["exit"],
            )  # fmt: skip
    assert begun == {}  # each attempt has its end


@dataclass
class Month:
    """Thirty days of three clients, under one policy.

    They have nights, a blackout, days of failure, changes by hand, and a consumer that keeps an old value.
    """

    worlds: dict[str, World]
    settings: Settings
    first: datetime
    dark: tuple[datetime, datetime]
    held: str | None = None
    """The value that the consumer of `mailer` has."""
    failing: list[tuple[datetime, datetime]] = field(default_factory=list)
    """From when to when the tenant failed."""

    def happen(self, number: int) -> None:
        """Let happen what happens on a day, beside the sweeps."""
        orders = self.worlds["orders"]
        orders.tenant.clear_faults()
        if number in FAILING:
            orders.tenant.fault("error-before", method="PATCH", count=1000)
        if number in BY_HAND:
            orders.tenant.set_in_dashboard(orders.client_id)
            orders.spread()
            done(invoke("sync", "orders", "--yes"))

    def live(self) -> None:
        clock = self.worlds["orders"].clock
        for number in range(DAYS):
            self.happen(number)
            begun = clock.now()
            for _ in range(6):
                clock.advance(4 * HOUR)
                mailer = self.worlds["mailer"]
                if number not in STALE:
                    self.held = mailer.live
                Tenancy(mailer).asks(MAILER, self.held)
                do(self.settings, sweep(self.settings).actions, Means(jobs=1), Stop())
            if number in FAILING:
                self.failing.append((begun, clock.now()))


@pytest.fixture
def month(make_hasty: MakeWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Month:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BRIDGE_AUDIT_KEY", KEY)
    worlds = adopted(partial(make_hasty, scopes=LOGS), tmp_path)
    tenant = worlds["mailer"].tenant
    tenant.grant(worlds["mailer"].client_id, AUDIENCE, ())
    tenant.settings.log_delay, tenant.settings.log_retention = timedelta(), DAYS * DAY
    clock = worlds["orders"].clock

    class Then(datetime):
        """The record's time, as all others': shifted."""

        @classmethod
        def now(cls, _zone: tzinfo | None = None) -> datetime:  # type: ignore[override]  # the shifted one
            return clock.now()

    monkeypatch.setattr("bridge.audit.recorder.datetime", Then)
    first = clock.now()
    dark = (first + 11 * DAY, first + 13 * DAY)
    blackout = f'blackouts = ["{dark[0]:%Y-%m-%dT%H:%M:%S}/{dark[1]:%Y-%m-%dT%H:%M:%S} UTC: stock-taking"]\n'
    write(tmp_path, worlds, POLICY + blackout)
    with (tmp_path / "bridge.toml").open("a", encoding="utf-8") as file:
        file.write(f'\n[audit]\nto = "file:{tmp_path / RECORD}"\nkey = "env:BRIDGE_AUDIT_KEY"\n')
    return Month(worlds, load(tmp_path / "bridge.toml", {"BRIDGE_AUDIT_KEY": KEY}), first, dark)


def published(mine: list[Attempt]) -> list[datetime]:
    """Return when a client's value was published: by a rotation, or by hand after a change in the dashboard."""
    return [
        each.ended for each in mine
        if each.outcome in ("done", "finished") and each.command in ("rotate", "sync", "resume")
    ]  # fmt: skip


def kept_from_going(found: list[Attempt], first: datetime) -> None:
    """Check that no value ended for which a consumer still asked, and that others' did."""
    end = first + (STALE.stop * DAY)
    refused = [each for each in found if each.command == "retire" and each.outcome == "refused"]
    mine = [each for each in found if each.client == "mailer"]
    changed = [each.ended for each in mine if each.command == "rotate" and STALE.start < (each.ended - first) / DAY]
    assert changed[0] < end
    assert refused
    assert {each.client for each in refused} == {"mailer"}
    assert all(changed[0] + MIN_FALLBACK <= each.began < end + MIN_FALLBACK for each in refused)
    retired = [each.began for each in mine if each.command == "retire" and each.exit == 0]
    assert not any(changed[0] < at < end for at in retired)
    assert any(at >= end for at in retired)


def test_the_policy_held_every_day_by_the_audit_record_alone(month: Month, tmp_path: Path) -> None:
    month.live()
    done(invoke("audit", "verify", RECORD))
    found = list(attempts(tmp_path / RECORD))
    for each in found:
        if each.command in ("rotate", "retire"):
            assert WINDOW[0] <= each.began.hour < WINDOW[1]
            assert not month.dark[0] <= each.began < month.dark[1]
    for name, world in month.worlds.items():
        mine = [each for each in found if each.client == name]
        moments = [month.first, *published(mine)]
        assert len(moments) > 4
        # No value is older than its policy and the longest wait: a night, the blackout, the days of failure.
        assert max(later - earlier for earlier, later in pairwise(moments)) <= MAX_AGE + 3 * DAY
        assert all(later - earlier >= MAX_AGE for earlier, later in pairwise(moments)) or name == "orders"
        retirements = [each for each in mine if each.command == "retire" and each.exit == 0]
        assert len(retirements) >= 3
        for retired in retirements:
            assert retired.began - max(at for at in moments if at <= retired.began) >= MIN_FALLBACK
        assert {place.see().current for place in world.sinks} == {world.live}
    kept_from_going(found, month.first)
    failed = [each for each in found if each.exit in (1, 3)]
    assert failed
    assert all(any(begun <= each.began <= ended for begun, ended in month.failing) for each in failed)
