"""What a reader wants to know, in the words that say it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, spans
from tests.e2e.command import done, execute, invoke, on, rotated, sinks
from tests.e2e.test_several_clients import three, write
from tests.e2e.world import MakeWorld, World
from tests.support.strict_moto import controls

__all__ = ["three"]
RESULT = re.compile(r"^result=(\S+) client=\S+ exit=(\d)$")


# Which sink serves.


def test_read_says_once_which_sink_refused_and_prints_the_value_alone(
    hasty: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    rotated(hasty)
    assert done(on(hasty, "read")).err == ""
    monkeypatch.setenv("VAULT_TOKEN", "of-another-server")
    served = done(on(hasty, "read"))
    assert served.out == hasty.live
    (line,) = served.err.splitlines()
    assert f"warning: {hasty.aws.uri} serves in place of {hasty.vault.uri}: " in line


def test_exec_says_it_as_well(live: World, tmp_path: Path) -> None:
    rotated(live)
    command = ("exec", live.client_id, *sinks(live), "--", "sh", "-c", "exit 0")
    told = done(execute(live, *command, home=tmp_path, VAULT_TOKEN="of-another-server"))
    (line,) = told.err.splitlines()
    assert f"warning: {live.aws.uri} serves in place of {live.vault.uri}: " in line


def test_where_no_sink_serves_the_error_is_the_first_ones(hasty: World, monkeypatch: pytest.MonkeyPatch) -> None:
    rotated(hasty)
    monkeypatch.setenv("VAULT_TOKEN", "of-another-server")
    controls.deny.update({"GetSecretValue"})
    told = done(on(hasty, "read"), 1)
    assert "warning" not in told.err
    assert "Vault token" in told.err
    assert "GetSecretValue" not in told.err


# The word of the result.


def test_each_result_is_one_word_that_the_page_lists(hasty: World) -> None:
    """Words with a space in them broke whoever took the line apart."""
    listed = set(spans(next(line for line in (DOCS / "guide" / "devops.md").read_text("utf-8").splitlines()
                            if line.startswith("The first word is"))))  # fmt: skip
    hasty.fill()
    commands = [
        ("adopt", "--yes"), ("adopt", "--dry-run"), ("rotate", "--no-wait"), ("rollback", "--no-wait"),
        ("rotate", "--no-wait"), ("resume",), ("sync",), ("verify",),
    ]  # fmt: skip
    found = set()
    for command in commands:
        hasty.spread()
        if (match := RESULT.match(on(hasty, *command).out.splitlines()[-1])) is not None:
            found.add(match.group(1))
    assert found >= {"adopted", "planned", "rotated", "rolled-back", "nothing"}
    assert found <= listed


def test_the_results_of_a_soft_retirement_have_no_space(
    make_hasty: MakeWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_hasty()
    write(tmp_path, {"billing": world}, 'fallback_min_age = "0s"')
    monkeypatch.chdir(tmp_path)
    world.fill()
    done(invoke("adopt", "billing", "--yes"))
    done(invoke("rotate", "billing"))
    forced = ("--force", "--reason", "a test")
    for options, word in (
        (("--soft", *forced), "retired-softly"),
        (("--undo",), "brought-back"),
        (forced, "retired"),
    ):
        ended = done(invoke("retire", "billing", "--yes", *options))
        assert ended.out.splitlines()[-1] == f"result={word} client=billing exit=0"


# What was proven.


def test_a_reader_sees_that_a_change_is_proven_whichever_way_it_went(hasty: World) -> None:
    hasty.fill()
    done(on(hasty, "adopt", "--yes"))
    for command in ("rotate", "rollback"):
        told = done(on(hasty, command)).out
        (line,) = [line for line in told.splitlines() if "proven" in line]
        assert re.fullmatch(
            r"  proven: Auth0 accepts the current value \(\d+ probes in \d+ s(; \d+ came too early)?\)"
            r" and refuses the one before \(6 of 6\)",
            line,
        )
        assert "old value" not in told


def test_the_answer_to_a_leak_names_every_version_that_lost_its_label(hasty: World) -> None:
    """One of them is the open fallback, whose label goes with the promotion already."""
    rotated(hasty)
    before = {stage: version for version, stages in hasty.aws.versions().items() for stage in stages}
    (told,) = done(on(hasty, "rotate", "--compromised", "--reason", "a leak", "--yes", "--json")).objects
    (aws,) = [sink for sink in told["sinks"] if sink["uri"] == hasty.aws.uri]
    assert {before["AWSCURRENT"], before["FALLBACK"]} <= set(aws["retired"])
    assert not {stage for version in aws["retired"] for stage in hasty.aws.versions().get(version, ())} & {
        "AWSCURRENT", "AWSPREVIOUS", "FALLBACK"
    }  # fmt: skip


# Where nothing fits.


@pytest.mark.parametrize("command", [("status",), ("rotate", "billing"), ("verify", "--all"), ("read", "billing")])
def test_in_the_wrong_directory_it_says_that_there_is_no_file(
    command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    told = done(invoke(*command), 2)
    assert f"there is no bridge.toml in {tmp_path}" in told.err
    assert "--config FILE" in told.err


@pytest.mark.parametrize(
    ("typed", "meant"), [("biling", "'billing'"), ("Billing", "'billing'"), ("order", "'orders'"), ("zzz", None)]
)
def test_a_mistyped_name_is_guessed(three: dict[str, World], typed: str, meant: str | None) -> None:
    told = done(invoke("rotate", typed), 2).err
    assert (f"did you mean {meant}?" in told) if meant else ("did you mean" not in told)


@pytest.mark.parametrize("command", ["rotate", "retire"])
def test_where_nothing_is_due_it_says_so(three: dict[str, World], command: str) -> None:
    ended = done(invoke(command, "--due"))
    assert ended.err == "nothing is due: 3 clients looked at\n"
    assert ended.out == ""


def test_the_configuration_is_named_where_nobody_has_typed_it(
    three: dict[str, World], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "configuration:" not in done(invoke("status")).err
    assert "configuration: bridge.toml" in done(invoke("status", "--verbose")).err
    monkeypatch.setenv("BRIDGE_CONFIG", str(tmp_path / "bridge.toml"))
    assert f"configuration: {tmp_path / 'bridge.toml'} (BRIDGE_CONFIG)" in done(invoke("status")).err


# What is left out.


def test_status_can_be_filtered_and_says_how_many_are_not_shown(three: dict[str, World]) -> None:
    three["orders"].vault.wipe()
    for options in (("--attention",), ("--state", "wiped"), ("--state", "wiped", "--state", "drift")):
        told = done(invoke("status", *options)).out
        assert "orders" in told
        assert "billing" not in told
        assert "1 client (2 more not shown), 1 need attention" in told
    assert [seen["client"] for seen in done(invoke("status", "--attention", "--json")).objects] == ["orders"]
    done(invoke("status", "--check", "--state", "ok"))
    done(invoke("status", "--check", "--state", "wiped"), 5)
    assert "nonsense" in done(invoke("status", "--state", "nonsense"), 2).err


def test_history_says_what_it_leaves_out(hasty: World) -> None:
    rotated(hasty)
    for _ in range(5):
        done(on(hasty, "rotate", "--no-wait"))
        hasty.spread()
    whole = done(on(hasty, "history")).out
    assert whole.count("the tag has room for no more") == 2
    assert f"secret-bridge audit show --client {hasty.client_id}" in whole
    some = done(on(hasty, "history", "--limit", "1")).out
    assert len(re.findall(r"^  r-", some, re.MULTILINE)) == 2
    assert re.search(r"  and \d+ earlier: --limit \d+", some)
    assert re.search(r"    and \d+ older versions: --limit \d+", some)
    (told,) = done(on(hasty, "history", "--limit", "1", "--json")).objects
    assert all(len(sink["log"]) == len(sink["versions"]) == 1 for sink in told["sinks"])


# Where a wrong setting comes from.


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("AUTH0_DOMAIN", "127.0.0.1:1", "the domain 127.0.0.1:1 comes from AUTH0_DOMAIN"),
        ("AUTH0_CLIENT_SECRET", "not-this-one", "the credential comes from AUTH0_CLIENT_SECRET"),
        ("AUTH0_API_TOKEN", "not-this-one", "the credential comes from AUTH0_API_TOKEN"),
    ],
)
def test_a_wrong_address_or_credential_says_where_it_comes_from(
    hasty: World, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, told: str
) -> None:
    hasty.fill()
    monkeypatch.setenv(variable, value)
    ended = done(on(hasty, "verify"), 1)
    assert f"-> {told}" in ended.err
    assert "not-this-one" not in ended.told


def test_with_a_file_the_table_and_the_reference_are_named(
    three: dict[str, World], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTH0_CLIENT_SECRET", "not-this-one")
    told = done(invoke("verify", "billing"), 1).err
    assert "-> the credential comes from AUTH0_CLIENT_SECRET, in [tenants.local] of bridge.toml" in told
