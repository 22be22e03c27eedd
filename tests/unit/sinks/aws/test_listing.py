from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bridge.execution.session import new_id
from bridge.model.operation import Operation
from sinks.aws.grip import with_holder
from sinks.aws.listing import Listing, ends_of, own_label, said_by
from sinks.aws.numbering import version_id
from sinks.aws.responses import Listed
from sinks.record import Lock
from sinks.secret import Secret
from tests.unit.sinks.aws.factory import NOW

LONGEST_LABEL = 256
GONE, HELD = "BRIDGE:r-1:retire:::gone", "BRIDGE:r-2:rotate:0123456789abcdef:0123456789abcdef+fedcba9876543210:h2"
NEIGHBOURS = {
    "no words": "BRIDGE:",
    "two words": "BRIDGE:r-2:h2",
    "one word too many": f"{HELD}:more",
    "no holder": "BRIDGE:r-2:rotate:::",
    "no operation": "BRIDGE:r-2::::h2",
    "no chain": "BRIDGE::rotate:::h2",
    "another chain": "BRIDGE:x-2:rotate:::h2",
    "a chain that cannot be printed": "BRIDGE:r-\x1b[2J:rotate:::h2",
    "a chain with a line break": "BRIDGE:r-2\n:rotate:::h2",
    "a chain that is too long": f"BRIDGE:r-{'2' * 65}:rotate:::h2",
    "an operation in capitals": "BRIDGE:r-2:ROTATE:::h2",
    "half a fingerprint": "BRIDGE:r-2:rotate:0123::h2",
    "ends that are no fingerprints": "BRIDGE:r-2:rotate::all of them:h2",
    "another prefix": HELD.lower(),
    "a layout's": "BRIDGE:layout:h2",
}
ARN = "arn:aws:secretsmanager:us-east-1:111122223333:secret:apps/x-AbCdEf"


def listing(*versions: tuple[str, set[str]]) -> Listing:
    made = enumerate(versions)
    return Listing.of(tuple(Listed(v, frozenset(s), NOW + timedelta(hours=n)) for n, (v, s) in made), NOW)


def derived(*numbers: int) -> Listing:
    return listing(*((version_id(ARN, number), set()) for number in numbers))


def test_the_next_id_is_one_above_the_highest_that_exists() -> None:
    assert listing(("theirs", {"AWSCURRENT"})).next_id(ARN) == version_id(ARN, 1)
    assert derived(2, 1).next_id(ARN) == version_id(ARN, 3)


def test_versions_that_aws_has_deleted_leave_gaps() -> None:
    assert derived(1, 900, 901).next_id(ARN) == version_id(ARN, 902)
    assert derived(1500).next_id(ARN) == version_id(ARN, 1501)


def test_ids_of_another_secret_do_not_count() -> None:
    other = ARN.replace("AbCdEf", "GhIjKl")
    assert listing((version_id(other, 1), set())).next_id(ARN) == version_id(ARN, 1)


@pytest.mark.parametrize("operation", Operation)
def test_a_label_is_never_longer_than_aws_takes_and_names_as_many_values_as_fit(operation: Operation) -> None:
    ends = tuple(Secret(f"value {n}").fingerprint("client") for n in range(30))
    lock = Lock(operation, new_id(), "actor", NOW, NOW, "client", "tenant", ("aws://r/a",), base=ends[0], ends=ends)
    lock = with_holder(lock)
    label = own_label(lock.id, lock)
    assert len(label) <= LONGEST_LABEL
    assert ends_of(label) == ends[:11]
    read = said_by(label, replace(lock, operation="", base="", ends=(), holder=""))
    assert read == replace(lock, ends=ends[:11])


def test_the_holder_is_who_has_its_label_where_pending_is() -> None:
    shown = listing(("a", {"AWSCURRENT", GONE}), ("b", {"AWSPENDING", HELD}))
    assert (shown.pending, shown.label, shown.foreign) == ("b", HELD, None)
    assert shown.left_over() == (("a", GONE),)


@pytest.mark.parametrize("label", NEIGHBOURS.values(), ids=NEIGHBOURS)
def test_a_label_of_another_form_makes_nobody_the_holder(label: str) -> None:
    shown = listing(("a", {"AWSCURRENT"}), ("b", {"AWSPENDING", label}))
    assert (shown.pending, shown.label, shown.foreign) == ("b", None, "b")


def test_a_fallback_label_on_current_is_no_fallback() -> None:
    assert listing(("a", {"AWSCURRENT", "FALLBACK"})).fallback is None
    assert listing(("a", {"AWSCURRENT"}), ("b", {"FALLBACK"})).fallback == "b"


def test_a_listing_contradicts_itself_when_a_label_stands_twice_or_current_nowhere() -> None:
    assert listing(("a", {"AWSCURRENT"}), ("b", {"AWSCURRENT"})).doubled() == "AWSCURRENT"
    assert listing(("a", {"X"})).doubled() == "AWSCURRENT"
    assert listing(("a", {"AWSCURRENT"}), ("b", {"X"})).doubled() is None
    assert listing().doubled() is None
