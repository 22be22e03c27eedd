"""The numbers of version ids: the same as by deriving every id, whatever was read before."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from sinks.aws import numbering
from sinks.aws.numbering import numbers, version_id

ARN = "arn:aws:secretsmanager:us-east-1:111122223333:secret:apps/x-AbCdEf"
STRANGERS = (*(version_id(ARN.replace("x-", "y-"), number) for number in range(4)), "x" * 36, "", "théirs")
GAP = 20
ids = st.frozensets(
    st.one_of(st.integers(1, 90).map(lambda number: version_id(ARN, number)), st.sampled_from(STRANGERS)), max_size=9
)


def by_derivation(wanted: frozenset[str]) -> dict[str, int]:
    found, highest, number = dict[str, int](), 0, 1
    while number <= highest + GAP:
        if (version := version_id(ARN, number)) in wanted:
            found[version] = highest = number
        number += 1
    return found


@settings(deadline=None, max_examples=200)
@given(st.lists(ids, min_size=1, max_size=6))
def test_the_numbers_depend_on_the_listing_and_on_nothing_that_was_read_before(listings: list[frozenset[str]]) -> None:
    before, numbering.GAP = numbering.GAP, GAP
    try:
        numbering._search.cache_clear()
        for each in listings:
            assert numbers(ARN, each) == by_derivation(each)
    finally:
        numbering.GAP = before
        numbering._search.cache_clear()


def test_of_a_version_that_was_just_put_nothing_is_derived_but_its_id() -> None:
    """A strange id is looked for once, up to the bound, and each new number then takes one derivation more."""
    numbering._search.cache_clear()
    stored = {version_id(ARN, 1), "theirs"}
    assert numbers(ARN, stored) == {version_id(ARN, 1): 1}
    search = numbering._search(ARN)
    asked: list[int] = []
    search._try = lambda left, bound, real=search._try: (asked.append(bound), real(left, bound))  # type: ignore[method-assign]
    for number in range(2, 6):
        stored.add(version_id(ARN, number))
        assert numbers(ARN, stored)[version_id(ARN, number)] == number
    assert asked == [numbering.GAP + number for number in range(2, 6)]  # one number more, each time
