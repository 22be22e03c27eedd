"""Clients by the page: what was listed lately counts as read, and pages are read only while that saves requests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from bridge.auth0.errors import Unreachable
from bridge.auth0.listing import FRESH, PART, SPARE, Listing
from bridge.model.errors import Usage
from tests.contract.harness import ManualClock

Page = Sequence[Mapping[str, Any]]


class Tenant:
    """A tenant with so many applications, of which it tells `size` at a time."""

    def __init__(self, many: int, size: int = 10, fails_at: int | None = None) -> None:
        self.names, self.size, self.asked, self.fails_at = [f"c{n}" for n in range(many)], size, 0, fails_at

    def pages(self) -> Iterator[Page]:
        for at in range(0, len(self.names), self.size):
            self.asked += 1
            if self.asked == self.fails_at:
                raise Unreachable("it does not answer")
            yield [{"client_id": name, "name": f"app {name}"} for name in self.names[at : at + self.size]]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def test_each_page_is_read_once_and_each_client_is_found(clock: ManualClock) -> None:
    tenant = Tenant(100)
    listing = Listing(tenant.pages, clock)
    wanted = dict.fromkeys(reversed(tenant.names))
    order = []
    while (following := listing.following(wanted)) is not None:
        order.append(following)
        del wanted[following]
        found = listing.get(following)
        assert found is not None
        assert found.name == f"app {following}"
    assert order == tenant.names
    assert tenant.asked == 10


def test_a_client_that_is_asked_for_again_is_read_again(clock: ManualClock) -> None:
    """Whoever reads a client twice wants to know what has changed in between."""
    listing = Listing(Tenant(5).pages, clock)
    assert listing.get("c3") is not None
    assert listing.get("c3") is None


def test_what_is_older_than_a_minute_does_not_count(clock: ManualClock) -> None:
    tenant = Tenant(5)
    listing = Listing(tenant.pages, clock)
    assert listing.get("c3") is not None
    clock.advance(FRESH + 1)
    assert listing.following({"c1": None}) is not None
    assert tenant.asked == 2  # what was listed before was too old


def test_few_clients_of_a_large_tenant_cost_a_few_pages_at_most(clock: ManualClock) -> None:
    tenant = Tenant(10_000)
    listing = Listing(tenant.pages, clock)
    for name in ("c9999", "c9000", "c5000"):
        assert listing.following({name: None}) is None
        assert listing.get(name) is None
    assert tenant.asked == SPARE + 1


def work(tenant: Tenant, wanted: Sequence[str], clock: ManualClock) -> int:
    """Read the wanted clients as a command over several of them does, and return how many had to be read singly."""
    listing, left, single = Listing(tenant.pages, clock, len(wanted)), dict.fromkeys(wanted), 0
    while left:
        name = listing.following(left) or next(iter(left))
        del left[name]
        single += listing.get(name) is None
    return single


@pytest.mark.parametrize(("many", "done"), [(1000, 900), (1000, 500), (5000, 2500), (10_000, 410), (10_000, 5000)])
def test_a_command_that_goes_on_reads_the_rest_by_the_page(many: int, done: int, clock: ManualClock) -> None:
    """The first pages have only clients that are done. Before, it gave up after four of them."""
    tenant = Tenant(many, size=100)
    assert work(tenant, tenant.names[done:], clock) == 0
    assert tenant.asked == many // 100


@pytest.mark.parametrize("every", [2, 10, 50])
def test_clients_that_are_spread_over_a_large_tenant_are_read_by_the_page(every: int, clock: ManualClock) -> None:
    tenant = Tenant(10_000, size=100)
    assert work(tenant, tenant.names[::every], clock) == 0
    assert tenant.asked == 100


@pytest.mark.parametrize("many", [1, 10, 12, 100, 1000, 4000])
def test_pages_that_save_nothing_cost_a_quarter_of_what_they_could_save(many: int, clock: ManualClock) -> None:
    """Every application of the tenant is somebody else's, or ours are its last."""
    tenant = Tenant(150_000, size=100)
    assert work(tenant, [f"another-{n}" for n in range(many)], clock) == many
    assert tenant.asked <= max(SPARE, many / PART) + 1


def test_in_another_order_pages_are_read_as_long_as_they_save_more(clock: ManualClock) -> None:
    tenant = Tenant(40)
    listing = Listing(tenant.pages, clock)
    found = [listing.get(name) for name in reversed(tenant.names)]
    assert all(found)
    assert tenant.asked == 4


def test_a_tenant_that_cannot_be_listed_is_asked_for_each_client(clock: ManualClock) -> None:
    tenant = Tenant(40, fails_at=2)
    listing = Listing(tenant.pages, clock)
    assert listing.get("c1") is not None
    for name in ("c11", "c12", "c13"):
        assert listing.get(name) is None
    assert listing.following({"c11": None}) is None
    assert listing.get("c2") is not None
    assert tenant.asked == 2


def test_a_client_that_is_not_listed_is_not_looked_for_again_and_again(clock: ManualClock) -> None:
    tenant = Tenant(30)
    listing = Listing(tenant.pages, clock)
    for _ in range(50):
        assert listing.get("gone") is None
        assert listing.following({"gone": None}) is None
    assert tenant.asked == 3


def test_a_key_that_cannot_sign_is_each_clients_own_error(clock: ManualClock) -> None:
    def pages() -> Iterator[Page]:
        raise Usage("the private_key is not an RSA private key in PEM form")
        yield ()

    listing = Listing(pages, clock)
    assert listing.begin() is False
    assert listing.following({"c1": 0}) is None
    assert listing.get("c1") is None
