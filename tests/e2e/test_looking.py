"""status, verify, history and read: what people and programs are told, and the exit statuses."""

from __future__ import annotations

import re
import time
from datetime import timedelta

import pytest

from tests.e2e.command import Ended, done, on, rotated
from tests.e2e.world import World
from tests.support.strict_moto import controls

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def test_status_tells_age_fallback_room_and_from_when_it_may_be_retired(hasty: World) -> None:
    out = done(on(rotated(hasty), "status")).out
    lines = out.splitlines()
    assert lines[0].split() == ["CLIENT", "SECRET", "AGE", "FALLBACK", "SINKS", "STATE"]
    assert re.search(
        rf"{hasty.client_id} +3\d s +\w{{8}}\S*, 3\d s +aws, vault ok; retire from \d{{4}}-\d\d-\d\d", lines[1]
    )
    assert "room for" in lines[1]
    assert lines[-1].startswith("1 client, 0 need attention")
    assert hasty.live not in out


def test_status_in_json_has_the_documented_keys_and_utc_times(hasty: World) -> None:
    (told,) = done(on(rotated(hasty), "status", "--json")).objects
    assert told["schema"] == 1
    assert (told["client"], told["attention"], told["next"]) == (hasty.client_id, False, None)
    assert TIME.fullmatch(told["retire_from"])
    assert TIME.fullmatch(told["retire_by"])
    aws, vault = told["sinks"]
    assert (aws["uri"], vault["uri"]) == (hasty.aws.uri, hasty.vault.uri)
    for place in (aws, vault):
        assert place["managed"]
        assert place["lock"] is None
        assert TIME.fullmatch(place["promoted_at"])
        stages = [version["stage"] for version in place["versions"]]
        assert stages.count("current") == stages.count("fallback") == 1
    assert vault["rotation"] == aws["rotation"]


def test_status_needs_no_right_to_read_values_and_nothing_of_auth0(
    hasty: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    rotated(hasty)
    client = hasty.vault.kv._adapter
    policy = 'path "secret/metadata/apps/*" { capabilities = ["read"] }'
    client.put("/v1/sys/policies/acl/watcher", json={"policy": policy})
    token = client.post("/v1/auth/token/create", json={"policies": ["watcher"]})["auth"]["client_token"]
    monkeypatch.setenv("VAULT_TOKEN", token)
    for name in ("AUTH0_DOMAIN", "AUTH0_CLIENT_ID", "AUTH0_CLIENT_SECRET"):
        monkeypatch.delenv(name)
    controls.deny.add("GetSecretValue")
    assert "ok; retire from" in done(on(hasty, "status")).out


def test_foreign_edits_are_told_and_are_no_drift(hasty: World) -> None:
    rotated(hasty)
    hasty.vault.edit("db_url", "elsewhere")
    out = done(on(hasty, "status", "--check")).out
    assert "edited by others 1 times" in out
    assert "0 need attention" in out


@pytest.mark.parametrize(
    ("after", "state", "verb"),
    [
        (timedelta(hours=25), "ok; the fallback may be retired", None),
        (timedelta(days=16), "fallback overdue since", "retire"),
        (timedelta(days=100), "fallback overdue since", "retire"),
    ],
)
def test_what_is_overdue_wants_attention_and_names_the_command(
    hasty: World, after: timedelta, state: str, verb: str | None
) -> None:
    rotated(hasty)
    hasty.clock.advance(after)
    ended = done(on(hasty, "status", "--check"), 5 if verb else 0)
    assert state in ended.out
    if verb:
        assert f"-> secret-bridge {verb} {hasty.client_id} --sink {hasty.aws.uri} --sink {hasty.vault.uri}" in ended.out
    assert on(hasty, "status").status == 0  # without --check it only tells


def test_an_old_secret_is_due(live: World) -> None:
    live.fill()
    done(on(live, "adopt", "--yes"))
    controls.clock = lambda: time.time() + timedelta(days=91).total_seconds()  # AWS's, by which ages are told too
    ended = done(on(live, "status", "--check"), 5)
    assert "due since 1 d" in ended.out
    assert "≥ 91 d" in ended.out
    assert f"-> secret-bridge rotate {live.client_id}" in ended.out


def test_places_that_are_not_managed_or_empty_want_attention(hasty: World) -> None:
    assert "nothing yet in" in done(on(hasty, "status", "--check"), 5).out
    hasty.fill()
    assert "not managed:" in done(on(hasty, "status", "--check"), 5).out


def incomplete(world: World) -> Ended:
    """Rotate while Auth0 does not answer the change: it is unknown which value it accepts."""
    world.fill()
    done(on(world, "adopt", "--yes"))
    world.tenant.fault("error-after", method="PATCH", count=100)
    ended = on(world, "rotate")
    world.tenant.clear_faults()
    return ended


def test_an_interrupted_rotation_answers_the_five_questions_and_resume_finishes_it(hasty: World) -> None:
    stopped = done(incomplete(hasty), 3)
    assert stopped.out.splitlines()[-1] == f"result=incomplete client={hasty.client_id} exit=3"
    for answer in ("INCOMPLETE", "Production   Auth0 accepts the OLD or the NEW value", "Stored in", "Began", "Do "):
        assert answer in stopped.err
    assert f"secret-bridge resume {hasty.client_id} --sink {hasty.aws.uri} --sink {hasty.vault.uri}" in stopped.err
    assert "Don't        press Rotate in the Auth0 dashboard" in stopped.err
    assert {place.see().pending for place in hasty.sinks} == {hasty.live}
    assert "in progress: rotate r-" in done(on(hasty, "status", "--check")).out
    hasty.clock.advance(timedelta(minutes=5))
    assert "interrupted: rotate r-" in done(on(hasty, "status", "--check"), 5).out
    finished = done(on(hasty, "resume", "--no-wait"))
    assert "finished rotate r-" in finished.out
    assert ", begun by " in finished.out
    assert finished.out.splitlines()[-1] == f"result=finished client={hasty.client_id} exit=0"
    assert {place.see().current for place in hasty.sinks} == {hasty.live}
    assert len({change.value for change in hasty.tenant.secret_history(hasty.client_id)}) == 2
    assert "nothing is interrupted" in done(on(hasty, "resume")).out


def test_rotate_waits_for_a_job_that_was_killed_finishes_that_and_does_not_rotate_again(hasty: World) -> None:
    """What it waits for is short: a job that was given again goes on by itself."""
    done(incomplete(hasty), 3)
    value = hasty.live
    finished = done(on(hasty, "rotate", "--no-wait"))
    assert "not rotating again" in finished.out
    assert finished.out.splitlines()[-1] == f"result=finished client={hasty.client_id} exit=0"
    assert hasty.live == value
    assert {place.see().current for place in hasty.sinks} == {value}


def test_takeover_waits_for_nobody(hasty: World) -> None:
    done(incomplete(hasty), 3)
    value = hasty.live
    assert "not rotating again" in done(on(hasty, "rotate", "--takeover", "--no-wait")).out
    assert hasty.live == value


def test_an_interrupted_rotation_in_json_is_one_object(hasty: World) -> None:
    hasty.fill()
    done(on(hasty, "adopt", "--yes"))
    hasty.tenant.fault("error-before", method="PATCH", count=100)
    (told,) = done(on(hasty, "rotate", "--json"), 3).objects
    assert (told["schema"], told["result"], told["exit"]) == (1, "incomplete", 3)
    assert told["rotation"].startswith("r-")
    assert told["production"].startswith("Auth0 accepts the OLD or the NEW value")
    assert len(told["stored"]) == 2
    assert f"resume {hasty.client_id}" in told["next"]


def test_verify_asks_auth0_about_both_values(hasty: World) -> None:
    rotated(hasty)
    good = done(on(hasty, "verify"))
    assert good.out.count("current") == 2
    assert good.out.count(": accepted, fallback") == 2
    assert good.out.count(": refused") == 2
    (told,) = done(on(hasty, "verify", "--json")).objects
    assert told["good"]
    assert [(place["current_is"], place["fallback_is"]) for place in told["sinks"]] == [("accepted", "refused")] * 2


def test_verify_exits_with_5_when_auth0_holds_another_value(hasty: World) -> None:
    rotated(hasty)
    hasty.tenant.set_in_dashboard(hasty.client_id)
    hasty.spread()
    bad = done(on(hasty, "verify"), 5)
    assert bad.out.count("refused") == 4
    assert f"  -> secret-bridge sync {hasty.client_id}" in bad.out
    (told,) = done(on(hasty, "verify", "--json"), 5).objects
    assert not told["good"]


def test_history_tells_who_did_what_when(hasty: World) -> None:
    rotated(hasty)
    out = done(on(hasty, "history")).out
    assert re.search(r"r-[0-9a-f]{8} \d{4}-\d\d-\d\dT[\d:.]+Z rotate \S+@\S+", out)
    assert hasty.vault.uri in out
    assert hasty.aws.uri in out
    assert hasty.live not in out
    (told,) = done(on(hasty, "history", "--json")).objects
    assert all(place["log"] for place in told["sinks"])


def test_read_prints_the_value_and_nothing_else(hasty: World) -> None:
    rotated(hasty)
    assert done(on(hasty, "read")).out == hasty.live
    assert done(on(hasty, "read", "--stage", "fallback")).out == hasty.s0
    missing = done(on(hasty, "read", "--stage", "pending"), 4)
    assert missing.out == ""
    assert "there is no pending value" in missing.err


def test_read_goes_on_to_the_next_place_when_one_does_not_answer(hasty: World) -> None:
    rotated(hasty)
    controls.deny.update({"DescribeSecret", "ListSecretVersionIds", "GetSecretValue"})
    assert done(on(hasty, "read")).out == hasty.live


def test_a_fallback_in_one_place_is_reason_enough_to_tell_until_when_it_may_stay(hasty: World) -> None:
    hasty.fill(hasty.aws)
    (told,) = done(on(hasty, "rotate", "--adopt", "--without-fallback", "--yes", "--json")).objects
    assert [place["fallback"] is None for place in told["sinks"]] == [False, True]
    assert told["retire_from"] < told["retire_by"]


def test_the_outcome_of_a_rotation_in_json_has_the_documented_keys(hasty: World) -> None:
    hasty.fill()
    ended = done(on(hasty, "rotate", "--adopt", "--json"))
    (told,) = ended.objects
    assert (told["schema"], told["operation"], told["result"], told["exit"]) == (1, "rotate", "done", 0)
    assert told["verified"] is True
    assert [place["uri"] for place in told["sinks"]] == [hasty.aws.uri, hasty.vault.uri]
    assert told["sinks"][1] == {"uri": hasty.vault.uri, "current": "3", "fallback": "2", "retired": []}
    assert TIME.fullmatch(told["retire_from"])
    assert ended.err == ""
    assert hasty.live not in ended.told
