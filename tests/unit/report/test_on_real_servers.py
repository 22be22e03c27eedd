"""`report`, and exceptions in `status`, on a real OpenBao and a strict local AWS."""

from __future__ import annotations

import csv
import json
import re
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import hvac
import pytest

from tests.e2e.command import Ended, invoke, on
from tests.e2e.world import World
from tests.support.strict_moto import controls
from tests.unit.policy.rights import printed, write_config

UNHURRIED = timedelta(seconds=20)
FORMS = ((), ("--csv",), ("--json",), ("--prometheus",))
BROKEN = """
[vaults.gone]
type = "vault"
url = "http://127.0.0.1:9"
auth = { method = "token", token = "env:VAULT_TOKEN" }

[clients.broken]
tenant = "local"
client_id = "<script>alert(1)</script>"
sinks = ["gone://secret/apps/broken"]
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def billing(hasty: World, here: Path) -> World:
    """A client that was rotated, in a configuration of its own; nothing has to end quickly."""
    configured(hasty, here)
    ended = invoke("rotate", "billing", "--adopt", "--no-wait")
    assert ended.status == 0, ended.told
    return hasty


def configured(world: World, here: Path) -> None:
    world.fill()
    world.tenant.settings.propagation = UNHURRIED
    write_config(here, {"billing": (world, (f"eu://secret/{world.vault.path}", f"use1://{world.aws.name}"))})


def granted(here: Path, until: str) -> None:
    with (here / "bridge.toml").open("a", encoding="utf-8") as file:
        file.write(f'exception = {{ owner = "ciso", reason = "January", until = {until} }}\n')


def later(time: timedelta) -> None:
    controls.clock = lambda: datetime.now(UTC).timestamp() + time.total_seconds()


def day(after: int) -> str:
    return f"{datetime.now(UTC) + timedelta(days=after):%Y-%m-%d}"


def auditor(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the rights that `policy --role auditor` prints at Vault, none to values at AWS, and nothing at Auth0."""
    (hcl,) = [block["policy"] for block in printed("--role", "auditor") if block["format"] == "hcl"]
    root = hvac.Client(world.servers.bao.url, token=world.servers.bao.token)
    root.sys.create_or_update_policy("report-auditor", hcl)
    monkeypatch.setenv("VAULT_TOKEN", root.auth.token.create(policies=["report-auditor"])["auth"]["client_token"])
    controls.deny.add("GetSecretValue")
    for name in ("AUTH0_DOMAIN", "AUTH0_CLIENT_ID", "AUTH0_CLIENT_SECRET"):
        monkeypatch.delenv(name)


def test_status_and_every_form_of_the_report_need_no_right_to_read_a_value(
    billing: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    auditor(billing, monkeypatch)
    assert invoke("read", "billing").status == 1
    told = [invoke("status", "billing"), *(invoke("report", *form) for form in FORMS)]
    assert [ended.status for ended in told] == [0] * 5
    for ended in told:
        assert "billing" in ended.out
        assert billing.live not in ended.told
        assert billing.s0 not in ended.told


def test_each_form_tells_what_the_vaults_say(billing: World) -> None:
    (told,) = invoke("report", "--json").objects
    assert (told["client"], told["kind"], told["tenant"], told["unread"]) == ("billing", "ok", "local", [])
    assert len(told["sinks"]) == 2
    promoted = max(place["promoted_at"] for place in told["sinks"])
    # The vault's own times count where the promotion took more than a second.
    passed = datetime.fromisoformat(told["fallback_since"]) - datetime.fromisoformat(promoted)
    assert timedelta() <= passed < timedelta(minutes=1)
    (line,) = csv.DictReader(invoke("report", "--csv").out.splitlines())
    assert (line["client_id"], line["due_at"], line["kind"]) == (billing.client_id, told["due_at"], "ok")
    assert 'secret_bridge_fallback_open{client="billing"} 1' in invoke("report", "--prometheus").out
    page = invoke("report").out
    assert "1 client; none needs attention" in page
    assert re.search(r"as \S+@\S+, with bridge.toml", page)
    assert billing.servers.bao.url in page


def test_one_broken_vault_costs_its_client_and_not_the_report(billing: World, here: Path) -> None:
    with (here / "bridge.toml").open("a", encoding="utf-8") as file:
        file.write(BROKEN)
    for form in FORMS:
        ended = invoke("report", *form)
        assert ended.status == 1
        assert "billing" in ended.out
        assert "broken: not read: gone://secret/apps/broken: " in ended.err
        assert "2 clients, 1 need attention, 1 could not be read" in ended.err
    broken, fine = invoke("report", "--json").objects
    assert (broken["client"], broken["kind"], broken["attention"]) == ("broken", "not-read", True)
    assert broken["unread"][0]["uri"] == "gone://secret/apps/broken"
    assert (fine["client"], fine["kind"]) == ("billing", "ok")
    page = invoke("report").out
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert" not in page


def test_a_file_is_replaced_as_a_whole_and_may_be_read_by_others(billing: World, here: Path) -> None:
    file = here / "report.html"
    file.write_text("before")
    ended = invoke("report", "--output", str(file))
    assert (ended.status, ended.out) == (0, "")
    assert f"written to {file}" in ended.err
    assert file.read_text("utf-8").startswith("<!DOCTYPE html>")
    assert stat.S_IMODE(file.stat().st_mode) & 0o044 == 0o044
    assert {path.name for path in here.iterdir() if "report" in path.name} == {"report.html"}
    assert invoke("report", "-o", "-", "--csv").out.startswith("client,")


def test_a_file_that_cannot_be_written_is_told(billing: World, here: Path) -> None:
    ended = invoke("report", "--output", str(here / "none" / "report.html"))
    assert ended.status == 1
    assert "none/report.html cannot be written: No such file or directory" in ended.err


def test_two_forms_at_once_are_refused() -> None:
    ended = invoke("report", "--csv", "--prometheus", "AbC")
    assert (ended.status, "found --csv and --prometheus, expected one of them" in ended.err) == (2, True)


def test_a_client_without_a_configuration_is_reported_by_its_places(billing: World, here: Path) -> None:
    (here / "bridge.toml").unlink()
    ended = on(billing, "report", "--json")
    (told,) = ended.objects
    assert (told["client"], told["kind"]) == (billing.client_id, "misplaced")  # it was recorded with other sinks
    assert "--sink" in told["next"]


def due(ended: Ended) -> bool:
    return "due since" in ended.out and ended.status == 5


def test_an_exception_lets_status_pass_until_it_ends_and_rotate_leaves_it_alone(live: World, here: Path) -> None:
    configured(live, here)
    assert invoke("adopt", "billing", "--yes").status == 0
    later(timedelta(days=100))
    assert due(invoke("status", "--check"))
    assert "dry run" in invoke("rotate", "--due", "--dry-run").out
    granted(here, day(150))
    ended = invoke("status", "--check")
    assert ended.status == 0
    assert f"excepted until {day(150)} by ciso (January): due since 10 d" in " ".join(ended.out.split())
    (told,) = invoke("status", "--json").objects
    assert told["kind"] == "excepted"
    assert told["exception"] == {"owner": "ciso", "reason": "January", "until": day(150), "counts": True}
    assert invoke("rotate", "--due", "--dry-run").out == ""
    assert "secret_bridge_exception_end_timestamp_seconds" in invoke("report", "--prometheus").out
    later(timedelta(days=152))
    ended = invoke("status", "--check")
    assert due(ended)
    assert f"the exception of ciso ended on {day(150)}" in ended.out
    assert "dry run" in invoke("rotate", "--due", "--dry-run").out
    assert json.loads(invoke("report", "--json").out)["exception"]["counts"] is False
