"""Shares of a configuration's tenants: each tenant is in one of them, and they are about as large."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.config.settings import ClientSettings
from bridge.fleet.shard import Shard
from bridge.model.errors import Usage


def clients(counts: dict[str, int]) -> list[ClientSettings]:
    return [
        ClientSettings(f"{tenant}-{number}", f"id-{tenant}-{number}", tenant, ("eu://secret/x",))
        for tenant, count in counts.items()
        for number in range(count)
    ]


@given(st.dictionaries(st.text("abc", min_size=1, max_size=3), st.integers(1, 20)), st.integers(1, 6))
def test_each_tenant_is_in_one_share_and_no_share_is_larger_than_a_tenant_more_than_its_part(
    counts: dict[str, int], of: int
) -> None:
    every = clients(counts)
    shares = [Shard(number, of).tenants(every) for number in range(1, of + 1)]
    assert Counter(tenant for share in shares for tenant in share) == Counter(dict.fromkeys(counts, 1))
    sizes = [sum(counts[tenant] for tenant in share) for share in shares]
    assert max(sizes) <= sum(counts.values()) / of + max(counts.values(), default=0)


@given(st.permutations(clients({"a": 3, "b": 2, "c": 2, "d": 1})))
def test_the_order_of_a_configuration_makes_no_difference(every: list[ClientSettings]) -> None:
    assert [sorted(Shard(number, 3).tenants(every)) for number in (1, 2, 3)] == [["a"], ["b", "d"], ["c"]]


def test_clients_are_picked_by_their_tenants() -> None:
    every = {client.name: client for client in clients({"a": 2, "b": 1})}
    assert [*Shard(1, 2).pick(every)] == ["a-0", "a-1"]
    assert [*Shard(2, 2).pick(every)] == ["b-0"]
    assert Shard(3, 3).pick(every) == {}
    assert Shard().pick(every) == every


def test_a_share_is_read_as_it_is_written() -> None:
    assert Shard.parse("2/4") == Shard(2, 4)
    assert str(Shard.parse("2/4")) == "2/4"
    assert [Shard.parse(f"{index}+1/4") for index in range(4)] == [Shard(number, 4) for number in range(1, 5)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "0/4",
        "5/4",
        "4+1/4",
        "1+2/4",
        "1/0",
        "a/b",
        "1/4/2",
        "-1/4",
        "1/1001",
        "\N{FULLWIDTH DIGIT ONE}/2",
        "1.0/2",
    ],
)
def test_what_is_no_share_is_named(text: str) -> None:
    with pytest.raises(Usage, match=re.escape(f'--shard: found "{text}", expected NUMBER/SHARES')):
        Shard.parse(text)
