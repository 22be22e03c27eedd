"""docs/internals/protocol.md: its times, and the numbers of requests, counted against real servers."""

from __future__ import annotations

import re

import pytest

from bridge.auth0.errors import Unreachable
from bridge.auth0.management import Management
from bridge.execution.snapshot import survey
from bridge.model.outcome import Stopped
from bridge.model.timing import Timing
from bridge.operations.adopt import AdoptOptions, adopt, forget
from bridge.operations.resume import resume
from bridge.operations.retire import bring_back, retire
from bridge.operations.rollback import RollbackOptions, rollback
from bridge.operations.rotate import RotateOptions, rotate
from bridge.operations.start import Options
from bridge.operations.sync import SyncOptions, sync
from bridge.operations.verify import verify
from sinks.port import Stage
from tests.docs.counting import AWS, VAULT, Counted, counted
from tests.docs.pages import DOCS, section, spans, tables


def unanswered(*_args: object, **_more: object) -> None:
    """Be a change at Auth0 whose answer never comes."""
    raise Unreachable("no answer")


def of_auth0(cell: str, server: str) -> int:
    """Return the requests to Auth0 with one server: AWS's stand in brackets where they differ."""
    numbers = re.findall(r"\d+", cell)
    return int(numbers[-1 if server == "AWS" else 0])


def interrupted(monkeypatch: pytest.MonkeyPatch, client: Counted) -> None:
    """Begin a rotation whose change at Auth0 is never answered; its requests do not count."""
    with monkeypatch.context() as patch:
        patch.setattr(Management, "set_secret", unanswered)
        with pytest.raises(Stopped):
            rotate(client.session(), RotateOptions())
    client.taken()


PAGE = DOCS / "internals" / "protocol.md"


def test_its_times_are_the_codes() -> None:
    (told,) = tables(section(PAGE, "Times"))
    times = {spans(row[0])[0]: row[1] for row in told}
    assert times == {name: f"{getattr(Timing(), name).total_seconds():.0f} s" for name in times}
    assert len(times) == 6


@pytest.mark.parametrize(("server", "place", "column"), [("Vault", VAULT, 3), ("AWS", AWS, 4)], ids=["vault", "aws"])
def test_its_requests_are_those_that_are_made(
    monkeypatch: pytest.MonkeyPatch, server: str, place: str, column: int
) -> None:
    (table,) = tables(section(PAGE, "Other operations"))
    told = {row[0]: (int(row[2]), int(row[column])) for row in table}
    made: dict[str, tuple[int, int]] = {}
    with counted(monkeypatch, place) as client:

        def note(operation: str) -> None:
            found = client.taken()
            made[operation] = found.get("Auth0", 0), found[server]

        adopt(client.session(), AdoptOptions())
        note("adopt")
        rotate(client.session(), RotateOptions())
        note("rotate")
        rotate(client.session(), RotateOptions())
        note("rotate over an open fallback")
        verify(client.session())
        note("verify")
        survey(client.session())
        note("status")
        retire(client.session(), Options())
        note("retire")
        rotate(client.session(), RotateOptions())
        client.taken()
        retire(client.session(), Options(), softly=True)
        note("retire --soft")
        bring_back(client.session(), Options())
        note("retire --undo")
        retire(client.session(), Options())
        client.taken()
        resume(client.session(), Options())
        note("resume")
        forget(client.session(), Options())
        note("forget")
    assert made == told


@pytest.mark.parametrize(("server", "place", "column"), [("Vault", VAULT, 3), ("AWS", AWS, 4)], ids=["vault", "aws"])
def test_the_requests_of_going_back_and_repairing_are_those_that_are_made(
    monkeypatch: pytest.MonkeyPatch, server: str, place: str, column: int
) -> None:
    (table, *_) = tables(section(PAGE, "Going back and repairing"))
    told = {row[0]: (of_auth0(row[2], server), int(row[column])) for row in table}
    made: dict[str, tuple[int, int]] = {}
    leak = {"compromised": True, "reason": "seen"}
    with counted(monkeypatch, place) as client:

        def note(operation: str) -> None:
            found = client.taken()
            made[operation] = found.get("Auth0", 0), found[server]

        def rotated() -> None:
            rotate(client.session(), RotateOptions())
            client.taken()

        adopt(client.session(), AdoptOptions())
        rotated()
        rollback(client.session(), RollbackOptions())
        note("rollback")
        rollback(client.session(), RollbackOptions(discard=True))
        note("rollback --discard")
        rotated()
        rotate(client.session(), RotateOptions(**leak))
        note("rotate --compromised")
        rotated()
        client.in_dashboard()
        sync(client.session(), SyncOptions())
        note("sync")
        sync(client.session(), SyncOptions())
        note("sync, nothing to do")
        rotated()
        old = client.session().sinks[place].read().value(Stage.FALLBACK)
        assert old is not None
        client.in_dashboard(old.reveal())
        resume(client.session(), Options())
        note("settling: published")
        interrupted(monkeypatch, client)
        resume(client.session(), Options(takeover=True))
        note("settling: given back")
        interrupted(monkeypatch, client)
        pending = client.session().sinks[place].read().value(Stage.PENDING)
        assert pending is not None
        client.in_dashboard(pending.reveal())
        resume(client.session(), Options(takeover=True))
        note("settling: completed")
    assert made == told


@pytest.mark.parametrize(("heading", "sum_of", "column"), [("Vault: rotate", 14, 4), ("AWS: rotate", 13, 3)])
def test_the_calls_of_a_rotation_add_up(heading: str, sum_of: int, column: int) -> None:
    (told,) = tables(section(PAGE, heading))
    assert sum(int(row[column]) for row in told if row[column].isdigit()) == sum_of
    (table,) = tables(section(PAGE, "Other operations"))
    (rotation,) = [row for row in table if row[0] == "rotate"]
    assert str(sum_of) in rotation
