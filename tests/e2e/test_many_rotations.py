"""Two hundred rotations with other writers in between: nothing that is needed goes, and nothing grows without end.

Between two of them days pass, and others write as often as the fallback survives, now and then just that often. An
ordinary run does the first twelve in each vault, `python -m tests.proofs.suites rotations` all.
"""

from __future__ import annotations

import json
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bridge.model.errors import Refused
from bridge.operations.rollback import RollbackOptions, rollback
from bridge.planning.status import judge
from sinks.aws.listing import Listing
from sinks.aws.numbering import GAP, version_id
from sinks.aws.responses import Listed
from sinks.port import SinkState
from tests.e2e.observe import unsettled
from tests.e2e.sinks import REGION
from tests.e2e.world import DAY, MakeWorld, World
from tests.resilience.random.look import Eyes, Look, all_versions
from tests.support.strict_moto import KEPT_VERSIONS

MANY = pytest.param(200, marks=pytest.mark.proof("rotations"))
FEW = 12
KEPT = 20  # versions of a document in Vault, since its adoption
ROOM = KEPT - 2  # writes of others that the fallback survives: it and current are two of those versions
LOCK_ENTRIES = 50  # what a claim has Vault keep of the lock key
METADATA = 4096  # characters of JSON; about half of it is the latest changes' log
TAGS = 40  # of the 50 that AWS takes
LABELS = {"AWSCURRENT", "AWSPREVIOUS", "FALLBACK", "THEIRS"}


def writes(number: int) -> int:
    """Return how often others write after a rotation: mostly a few times, now and then as often as there is room."""
    return ROOM if number % 10 == 7 else number % 4


def survey(world: World) -> SinkState:
    (sink,) = world.onlooker.sinks.values()
    return sink.survey()


def rotations(world: World, number_of: int) -> None:
    """Rotate and let others write; each time there are one current, one fallback, and room as it should be."""
    world.fill()
    world.adopt()
    eyes = Eyes(world)
    for number in range(number_of):
        old = world.live
        assert world.rotate().result == "done"
        for count in range(writes(number)):
            world.sinks[0].edit("db_url", f"postgres://{number}-{count}")
        (look,) = eyes.sight().sinks.values()
        assert (look.current, look.fallback, look.pending) == (world.live, old, None), number
        assert survey(world).room in (None, ROOM - writes(number)), number
        world.clock.advance(2 * DAY)
        bounded(world, look)
    assert len(world.tenant.secret_history(world.client_id)) == number_of + 1
    assert unsettled(world) == []


def bounded(world: World, look: Look) -> None:
    """What is kept beside the two values is as little after two hundred rotations as after a few."""
    if world.sinks[0] is world.vault:
        main, lock = (world.vault.metadata(path) for path in (world.vault.path, f"{world.vault.path}/pending"))
        assert look.versions <= KEPT
        assert look.locks == 1
        assert len(lock["versions"]) <= LOCK_ENTRIES
        assert all(len(json.dumps(meta["custom_metadata"])) < METADATA for meta in (main, lock))
        return
    listed = all_versions(world.aws)
    assert {stage for stages in listed.values() for stage in stages} <= LABELS
    assert len(listed) <= KEPT_VERSIONS + ROOM + 3  # those of this day come on top
    assert len(world.aws.describe()["Tags"]) <= TAGS


@pytest.mark.parametrize("number_of", [FEW, MANY])
@pytest.mark.parametrize("ends", ["vault", "aws"])
def test_after_many_rotations_there_are_one_current_one_fallback_and_bounded_leftovers(
    make_world: MakeWorld, ends: str, number_of: int
) -> None:
    rotations(make_world(ends=ends), number_of)


def test_in_vault_status_shows_the_room_shrink_and_the_fallback_go_with_the_write_too_many(
    make_world: MakeWorld,
) -> None:
    world = make_world(ends="vault")
    world.fill()
    world.rotate(adopt=True)
    old, eyes = world.s0, Eyes(world)
    for left in range(ROOM, -1, -1):
        assert survey(world).room == left
        assert next(iter(eyes.sight().sinks.values())).fallback == old
        world.vault.edit("db_url", f"postgres://{left}")
    gone = survey(world)
    assert gone.room is None
    assert next(iter(eyes.sight().sinks.values())).fallback is None
    assert judge(world.onlooker.settings, world.onlooker.client_ref, (gone,)).fallbacks == ()
    with pytest.raises(Refused, match="there is no fallback to go back to"):
        rollback(world.session(), RollbackOptions())
    current = world.live
    assert world.rotate().result == "done"
    assert next(iter(eyes.sight().sinks.values())).fallback == current


def test_in_aws_the_fallback_survives_any_number_of_writes_and_of_versions_that_aws_removes(
    make_world: MakeWorld,
) -> None:
    world = make_world(ends="aws")
    world.fill()
    world.rotate(adopt=True)
    old, eyes, first = world.s0, Eyes(world), set(all_versions(world.aws))
    for number in range(2 * KEPT_VERSIONS):
        world.aws.edit("db_url", f"postgres://{number}")
        world.clock.advance(DAY)
    listed = all_versions(world.aws)
    assert len(listed) <= KEPT_VERSIONS + 2
    pinned = {version for version in first if listed.get(version)}
    assert first & set(listed) == pinned  # without their labels they are gone
    assert next(iter(eyes.sight().sinks.values())).fallback == old
    current = world.live
    for _ in range(3):
        assert world.rotate().result == "done"
        world.clock.advance(DAY)
    assert current not in next(iter(eyes.sight().sinks.values())).held


def listing(*numbers: int) -> Listing:
    """A listing of versions by the bridge with these sequence numbers, and of ninety by others."""
    made = datetime(2026, 1, 1, tzinfo=UTC)
    ours = tuple(Listed(version_id(ARN, n), frozenset(), made + timedelta(hours=n)) for n in numbers)
    others = tuple(Listed(f"others-{n}", frozenset(), made + timedelta(minutes=n)) for n in range(90))
    return Listing.of((*others, *ours), made)


ARN = f"arn:aws:secretsmanager:{REGION}:123456789012:secret:apps/billing-AbCdEf"


@pytest.mark.parametrize("oldest", [1, 5, 150, GAP - 1])
def test_after_aws_has_removed_older_versions_the_next_id_is_still_one_above_the_highest(oldest: int) -> None:
    kept = listing(*range(oldest, oldest + 60, 2))
    assert kept.next_id(ARN) == version_id(ARN, oldest + 59)


@pytest.mark.parametrize("oldest", [GAP + 1, 3 * GAP])
def test_where_everything_within_reach_was_removed_ids_begin_anew_and_never_meet_one_that_is_there(oldest: int) -> None:
    """The same listing gives everybody the same id: that is what the compare-and-set needs."""
    kept = listing(*range(oldest, oldest + 60))
    given = []
    for _ in range(3):
        following = kept.next_id(ARN)
        assert following not in {version.id for version in kept.versions}
        given.append(following)
        kept = replace(kept, versions=(*kept.versions, Listed(following, frozenset(), None)))
    assert len(set(given)) == len(given)


def test_the_next_id_is_found_within_a_tenth_of_a_second_in_a_new_process() -> None:
    kept = listing(*range(GAP - 60, GAP))
    began = time.process_time()
    kept.next_id(ARN)
    assert time.process_time() - began < 0.1
