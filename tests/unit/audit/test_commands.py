"""What commands record, and what they do where they cannot."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from bridge import __version__
from bridge.audit.chain import head_in
from bridge.audit.process import host, this_process
from sinks.secret import Secret
from tests.contract.harness import admin
from tests.e2e.command import invoke, on, sinks
from tests.e2e.world import MakeWorld, World
from tests.unit.audit.record import Record
from tests.unit.notify.setting import configured, run


@pytest.fixture
def adopted(hasty: World) -> World:
    """A client whose sinks are the bridge's; nothing of it is recorded."""
    hasty.fill()
    hasty.adopt()
    hasty.spread()
    return hasty


def test_a_rotation_is_recorded_with_who_what_where_and_how(adopted: World, record: Record) -> None:
    old = adopted.s0
    done = on(adopted, "rotate", "--no-wait", "--takeover")
    assert done.status == 0, done.err
    begin, end = record.told
    assert (begin["event"], end["event"], end["begin"], begin["seq"], end["seq"]) == ("begin", "end", 1, 1, 2)
    assert (begin["command"], begin["options"], begin["strategy"]) == ("rotate", ["--no-wait", "--takeover"], "staged")
    assert begin["sinks"] == sorted(place.uri for place in adopted.sinks)
    assert (begin["host"], begin["process"], begin["version"]) == (host(), this_process(), __version__)
    for line in (begin, end):
        assert (line["client"], line["client_id"]) == (adopted.client_id, adopted.client_id)
        assert line["at"].endswith("Z")
    assert begin["attempt"] == end["attempt"]
    assert (end["outcome"], end["exit"], end["message"]) == ("done", 0, None)
    assert end["seconds"] > 0
    (operation,) = end["operations"]
    assert operation["operation"] == "rotate"
    assert operation["rotation"].startswith("r-")
    assert operation["before"] == _fingerprint(adopted, old)
    assert operation["after"] == _fingerprint(adopted, adopted.live)
    assert {at["uri"]: (at["current"], at["fallback"]) for at in end["versions"]} == {
        place.uri: _versions(place) for place in adopted.sinks
    }


def _fingerprint(world: World, value: str) -> str:
    from sinks.secret import Secret

    return Secret(value).fingerprint(world.client_id)


def _versions(place: object) -> tuple[str, str]:
    tags = place.see().tags  # type: ignore[attr-defined]  # either kind
    return tags["bridge_current"], tags["bridge_fallback"]


def test_proven_and_claimed_actors_stand_apart(adopted: World, record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    root = admin(adopted.servers.bao)
    root.sys.create_or_update_policy("audited", 'path "*" { capabilities = ["create", "read", "update", "patch"] }')
    token = root.auth.token.create(policies=["audited"], display_name="ci-ops", ttl="10m")["auth"]["client_token"]
    monkeypatch.setenv("VAULT_TOKEN", token)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_REPOSITORY", "acme/ops")
    monkeypatch.setenv("GITHUB_RUN_ID", "4711")
    monkeypatch.setenv("LOGNAME", "somebody-else")  # what anybody may set proves nothing, not even a claim
    assert on(adopted, "rotate", "--no-wait").status == 0
    begin = record.told[0]
    assert begin["proven"]["vault"]["display_name"] == "token-ci-ops"
    assert begin["proven"]["aws"]["arn"].startswith("arn:aws:")
    assert begin["claimed"]["run"] == "github:acme/ops/runs/4711"
    assert begin["claimed"]["user"] != "somebody-else"
    assert "ci-ops" not in json.dumps(begin["claimed"])


def test_whoever_cannot_be_asked_is_not_known_and_nothing_fails(
    make_hasty: MakeWorld, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_hasty(ends="vault")
    world.fill()
    world.adopt()
    world.spread()
    root = admin(world.servers.bao)
    lines = ['path "secret/*" { capabilities = ["create", "read", "update", "patch"] }']
    lines += ['path "sys/capabilities-self" { capabilities = ["update"] }']
    root.sys.create_or_update_policy("mute", "\n".join(lines))
    token = root.auth.token.create(policies=["mute"], no_default_policy=True, ttl="10m")["auth"]["client_token"]
    monkeypatch.setenv("VAULT_TOKEN", token)
    assert on(world, "rotate", "--no-wait").status == 0
    assert record.told[0]["proven"] == {"vault": None}


def test_the_ids_of_requests_that_change_something_are_recorded(adopted: World, record: Record) -> None:
    assert on(adopted, "rotate", "--no-wait").status == 0
    requests = record.told[1]["requests"]
    assert {server: bool(ids) for server, ids in requests.items()} == {"auth0": True, "vault": True, "aws": True}
    assert len(requests["auth0"]) == 1  # the PATCH; neither probes nor looks
    everything = [one for ids in requests.values() for one in ids]
    assert all(0 < len(one) <= 64 for one in everything)
    assert len(everything) == len(set(everything))


def test_a_dry_run_and_commands_that_only_look_write_nothing(adopted: World, record: Record) -> None:
    for verb, *options in (["rotate", "--dry-run"], ["status"], ["history"], ["verify"], ["read"]):
        on(adopted, verb, *options)
    assert record.lines == []
    assert not record.path.exists()


def test_a_refusal_writes_both_lines_with_its_reason(hasty: World, record: Record) -> None:
    hasty.fill()
    done = on(hasty, "rotate")  # not adopted
    assert done.status == 4
    begin, end = record.told
    assert (end["outcome"], end["exit"], end["begin"]) == ("refused", 4, begin["seq"])
    assert "not managed" in end["message"]
    assert end["operations"] == []
    assert f"anchor {_head(record)}" in done.err


def _head(record: Record) -> str:
    found = record.verified()
    assert found.good, found.faults
    return str(found.head)


def test_the_outcome_and_the_places_tell_anchors(adopted: World, record: Record) -> None:
    done = on(adopted, "rotate", "--no-wait")
    assert f"Record: audit seq 2 (anchor {_head(record)})" in done.out
    begun = record.told[0]["mac"]
    for place in adopted.sinks:
        assert place.see().tags["bridge_audit"] == f"1:{begun}"
    assert on(adopted, "history").out.count(f"latest of these began: 1:{begun}") == 2
    (seen,) = on(adopted, "history", "--json").objects
    assert [place["audit"] for place in seen["sinks"]] == [f"1:{begun}"] * 2
    (told,) = on(adopted, "rotate", "--no-wait", "--json").objects
    assert told["audit"] == _head(record)
    assert head_in(told["audit"])


@pytest.mark.parametrize("softly", [(), ("--soft",)], ids=["for good", "softly"])
def test_a_retirement_says_which_value_ends_and_leaves_its_anchor_and_its_reason(
    adopted: World, record: Record, tmp_path: Path, softly: tuple[str, ...]
) -> None:
    path = configured(adopted, tmp_path, notify="", more='fallback_min_age = "0s"')
    adopted.tenant.settings.propagation = timedelta(0)  # the bridge still waits for what its file says
    old = adopted.live
    assert run(path, "rotate", "--no-wait").status == 0
    before = len(record.told)
    done = run(path, "retire", "--yes", "--force", "--reason", "INC-7", *softly)
    assert done.status == 0, done.err
    begin, end = record.told[before:]
    assert [each["ends"] for each in end["operations"]] == [[Secret(old).fingerprint(adopted.client_id)]]
    anchor = f"{begin['seq']}:{begin['mac']}"
    for place in adopted.sinks:
        tags = place.see().tags
        assert tags["bridge_note_anchor"] == anchor
        assert tags["bridge_note_retirement"].endswith(": INC-7")
    told = run(path, "history")
    assert told.out.count(f": INC-7 (anchor {anchor})") == len(adopted.sinks)
    (seen,) = run(path, "history", "--json").objects
    assert [place["retirement_audit"] for place in seen["sinks"]] == [anchor] * len(adopted.sinks)


def test_without_a_record_nothing_is_asked_told_or_written(
    adopted: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_args: object) -> None:
        raise AssertionError("asked")

    monkeypatch.setattr("sinks.vault.sink.VaultSink.caller", never)
    monkeypatch.setattr("sinks.aws.sink.AwsSink.caller", never)
    monkeypatch.setattr("bridge.audit.write.send", never)
    done = on(adopted, "rotate", "--no-wait", "--json")
    assert (done.status, done.objects[0]["audit"]) == (0, None)
    assert all("bridge_audit" not in place.see().tags for place in adopted.sinks)
    assert "anchor" not in on(adopted, "history").out


def test_every_changing_command_is_recorded(adopted: World, record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    adopted.tenant.settings.propagation = timedelta(seconds=0)
    told = [
        on(adopted, "rotate", "--no-wait").status,
        on(adopted, "resume").status,
        on(adopted, "rollback", "--no-wait", "--yes").status,
        on(adopted, "sync").status,
        on(adopted, "retire", "--yes").status,
        on(adopted, "forget").status,
        on(adopted, "adopt", "--yes").status,
        on(adopted, "rotate", "--compromised", "--reason", "INC-2041", "--yes").status,
    ]
    lines = record.told
    assert record.events == ["begin", "end"] * len(told)
    assert [line["exit"] for line in lines[1::2]] == told
    names = ["rotate", "resume", "rollback", "sync", "retire", "forget", "adopt", "rotate"]
    assert [line["command"] for line in lines[::2]] == names
    assert lines[-2]["reason"] == "INC-2041"
    assert lines[-2]["options"] == ["--compromised", "--yes"]
    assert record.verified().good


def test_no_secret_of_any_kind_stands_in_it(adopted: World, record: Record) -> None:
    values = {adopted.s0}
    for options in (["--no-wait"], ["--no-wait", "--strategy", "auth0-generated"]):
        on(adopted, "rotate", *options)
        values.add(adopted.live)
    text = b"".join(record.lines).decode()
    secrets = {*values, adopted.own.client_secret, adopted.servers.bao.token, record.key or ""}
    assert [one for one in secrets if one in text] == []


def test_a_record_that_cannot_be_begun_stops_a_rotation_before_it_starts(
    adopted: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = adopted.dump()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "elsewhere")
    for path, why in (
        (tmp_path / "none" / "audit.jsonl", "No such file or directory"),
        (tmp_path, "directory"),
        (Path("/dev/null"), "not a plain file"),
        (Path("/sys/kernel/audit.jsonl"), "ermi"),
        (link, "a link, which is not followed"),
    ):
        monkeypatch.setenv("BRIDGE_AUDIT", f"file:{path}")
        done = on(adopted, "rotate")
        assert done.status == 1, done.told
        assert "the audit record cannot be written" in done.err
        assert why in done.err or path == Path("/dev/null")
        assert "Nothing was changed" in done.err
        assert adopted.dump() == before
    assert not (tmp_path / "elsewhere").exists()


def test_an_end_that_is_lost_is_told_and_written_by_the_next_command(adopted: World, record: Record) -> None:
    """The file becomes unwritable while the command works."""
    patch = pytest.MonkeyPatch()
    spread = record.path.with_name("moved")

    def rename(*_args: object) -> None:
        record.path.rename(spread)
        record.path.mkdir()

    patch.setattr("bridge.cli.changing.completed", lambda session, done, command: (rename(), done)[1])
    done = on(adopted, "rotate", "--no-wait")
    patch.undo()
    assert done.status == 3
    assert "rotated in" in done.out  # the outcome is still shown
    assert "NOT RECORDED" in done.out
    assert adopted.live != adopted.s0
    record.path.rmdir()
    spread.rename(record.path)
    assert record.verified().open == (1,)
    again = on(adopted, "rotate", "--no-wait")
    assert again.status == 0, again.told
    assert record.events == ["begin", "end", "begin", "end"]
    assert (record.told[1]["outcome"], record.told[1]["begin"]) == ("unknown: died", 1)
    assert record.told[1]["closed_by"] == record.told[2]["attempt"]
    assert record.verified().open == ()


def test_the_commands_show_and_verify_the_record(adopted: World, record: Record) -> None:
    on(adopted, "rotate", "--compromised", "--reason", "found in a public repo", "--yes", "--no-wait")
    on(adopted, "rotate", "--strategy", "auth0-generated", "--no-wait")
    shown = invoke("audit", "show")
    assert shown.status == 0
    assert len(shown.out.splitlines()) == 2
    assert "rotate --no-wait --compromised" in shown.out or "rotate --compromised" in shown.out
    assert "found in a public repo" in shown.out
    assert "seq 1-2" in shown.out
    lines = [json.loads(line) for line in invoke("audit", "show", "--json").out.splitlines()]
    assert [line["seq"] for line in lines] == [1, 2, 3, 4]
    assert invoke("audit", "show", "--client", "nobody").out == ""
    assert len(invoke("audit", "show", "--client", adopted.client_id).out.splitlines()) == 2
    head = _head(record)
    good = invoke("audit", "verify", "--anchor", head)
    assert (good.status, f"unbroken. Its anchor now: {head}" in good.out) == (0, True)
    record.path.write_bytes(b"".join(record.lines[:-1]))
    cut = invoke("audit", "verify", "--anchor", head, "--json")
    assert cut.status == 5
    assert "tail was cut" in cut.objects[0]["faults"][0]
    wrong = invoke("audit", "verify", "--anchor", "8812")
    assert (wrong.status, "SEQ:MAC" in wrong.err) == (2, True)


def test_the_file_of_the_configuration_wins_and_places_typed_beside_it_do_not_escape(
    adopted: World, record: Record, tmp_path: Path
) -> None:
    other = Record(tmp_path / "by-file.jsonl", record.key)
    config = tmp_path / "bridge.toml"
    config.write_text(f'[audit]\nto = "file:{other.path}"\nkey = "env:BRIDGE_AUDIT_KEY"\n', "utf-8")
    done = invoke("rotate", adopted.client_id, *sinks(adopted), "--no-wait", "--config", str(config))
    assert done.status == 0, done.told
    assert (len(other.lines), len(record.lines)) == (2, 0)
    config.write_text("", "utf-8")
    assert invoke("rotate", adopted.client_id, *sinks(adopted), "--no-wait", "--config", str(config)).status == 0
    assert len(record.lines) == 2  # a file that says nothing leaves it to the environment


@pytest.mark.parametrize(("key", "status", "said"), [("short", 2, "too short"), ("env:NOT_SET", 2, "not set")])
def test_a_key_that_is_none_stops_a_rotation(
    adopted: World, record: Record, monkeypatch: pytest.MonkeyPatch, key: str, status: int, said: str
) -> None:
    monkeypatch.setenv("BRIDGE_AUDIT_KEY", key)
    done = on(adopted, "rotate")
    assert (done.status, said in done.err) == (status, True)
    assert (record.lines, adopted.live) == ([], adopted.s0)
