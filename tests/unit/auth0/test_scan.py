"""A search about several clients: read as far as needed, and never taken for more than it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from bridge.auth0 import logs
from bridge.auth0.api import Auth0
from bridge.auth0.errors import Rejected
from bridge.auth0.logs import FAILED, SUCCEEDED, search
from bridge.auth0.scan import ADDRESSES, CLIENTS, Scan

NOW = datetime(2026, 11, 23, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def entry(number: int, client_id: str = "A", ago: int | None = None, **more: str) -> dict[str, str]:
    at = NOW - (number if ago is None else ago) * SECOND
    return {"log_id": str(number), "date": at.isoformat(), "client_id": client_id, "ip": "10.0.0.1"} | more


@pytest.fixture
def serving(connect: Any, wire: Any) -> Callable[[Sequence[Any]], Auth0]:
    """Have Auth0 show these entries by the page, whatever is asked for."""

    def serve(entries: Sequence[Any]) -> Auth0:
        def page(request: httpx.Request) -> httpx.Response:
            first = int(request.url.params["page"]) * 100
            return httpx.Response(200, json=list(entries[first : first + 100]))

        wire.answers = [page]
        auth0: Auth0 = connect()
        return auth0

    return serve


def names(found: logs.Found | None) -> list[str] | None:
    return None if found is None else [exchange.id for exchange in found.exchanges]


def test_it_is_read_no_further_than_somebody_needs(serving: Any, wire: Any) -> None:
    scan = Scan(serving([entry(n, "AB"[n % 2]) for n in range(250)]), ("A", "B"), FAILED)
    assert wire.requests == []
    assert names(scan.of("A", NOW - 5 * SECOND)) == ["0", "2", "4"]
    assert names(scan.of("B", NOW - 5 * SECOND)) == ["1", "3", "5"]
    assert len(wire.requests) == 1
    assert names(scan.of("B", NOW - 150 * SECOND, NOW - 148 * SECOND)) == ["149"]
    assert len(wire.requests) == 2
    everything = scan.of("A")
    assert everything is not None
    assert (len(everything.exchanges), everything.complete, len(wire.requests)) == (125, True, 3)


def test_of_the_oldest_moment_on_a_page_the_next_page_may_have_more(serving: Any) -> None:
    entries = [*(entry(n, ago=1) for n in range(99)), entry(99, ago=5), entry(100, ago=5), entry(101, ago=9)]
    assert names(Scan(serving(entries), ("A", "B"), FAILED).of("A", NOW - 5 * SECOND))[-2:] == ["99", "100"]  # type: ignore[index]


def test_the_ends_are_to_the_millisecond_as_in_a_search(serving: Any) -> None:
    scan = Scan(serving([entry(3)]), ("A", "B"), FAILED)
    since = NOW - 3 * SECOND + timedelta(microseconds=700)
    assert names(scan.of("A", since=since)) == ["3"]
    assert names(scan.of("A", until=NOW - 3 * SECOND - timedelta(microseconds=700))) == []


def test_what_lies_behind_a_thousand_entries_is_not_known_of_anybody(serving: Any, wire: Any) -> None:
    scan = Scan(serving([entry(n) for n in range(1500)]), ("A", "B"), FAILED)
    assert scan.of("B", NOW - 2000 * SECOND) is None
    assert (len(wire.requests), scan.ended) == (10, True)
    assert names(scan.of("B", NOW - 998 * SECOND)) == []
    assert scan.of("B", NOW - 999 * SECOND) is None
    assert len(wire.requests) == 10


def test_exactly_one_page_is_followed_by_a_look_for_another(serving: Any, wire: Any) -> None:
    scan = Scan(serving([entry(n) for n in range(100)]), ("A", "B"), FAILED)
    assert names(scan.of("B")) == []
    assert len(wire.requests) == 2


def test_an_entry_that_comes_twice_counts_once_and_one_without_a_date_not_at_all(serving: Any) -> None:
    scan = Scan(serving([entry(1), entry(1), {"client_id": "A"}, "?", entry(2, ip="")]), ("A", "B"), FAILED)
    assert names(scan.of("A")) == ["1", "2"]
    assert names(scan.of("A", address="10.0.0.1")) == ["1"]


@pytest.mark.parametrize("odd", [{"client_id": "C"}, {"client_id": ""}])
def test_an_answer_about_others_is_no_answer(serving: Any, odd: dict[str, str]) -> None:
    scan = Scan(serving([entry(1), entry(2, **odd)]), ("A", "B"), FAILED)
    assert scan.of("A") is None
    assert scan.strange


def test_after_an_error_nothing_is_taken_for_complete(connect: Any, wire: Any, refusal: Any) -> None:
    pages: Iterator[Any] = iter([httpx.Response(200, json=[entry(n) for n in range(100)]), refusal(400, "too long")])
    wire.answers = [lambda _: next(pages)]
    scan = Scan(connect(), ("A", "B"), FAILED)
    assert len(scan.of("A", NOW).exchanges) == 1  # type: ignore[union-attr]
    with pytest.raises(Rejected):
        scan.of("B")
    assert scan.of("B") is None


def test_one_client_is_asked_for_as_ever_and_several_in_one_group(serving: Any, wire: Any) -> None:
    auth0 = serving([])
    search(auth0, "A", FAILED, address="::1")
    Scan(auth0, ("A",), FAILED, ("::1",)).of("A")
    Scan(auth0, ("A", "B"), SUCCEEDED, ("::1", "10.0.0.1")).of("A")
    one, same, several = (request.url.params["q"] for request in wire.requests)
    assert one == same == 'type:(feccft OR feacft OR fertft) AND client_id:"A" AND date:[* TO *] AND ip:"::1"'
    assert 'client_id:("A" OR "B") AND date:[* TO *] AND ip:("::1" OR "10.0.0.1")' in several


def test_the_longest_search_fits_into_a_url(serving: Any, wire: Any) -> None:
    addresses = [f"2001:0db8:85a3:0000:0000:8a2e:0370:{n:04}" for n in range(ADDRESSES)]
    clients = [f"{n:032}" for n in range(CLIENTS)]
    Scan(serving([]), clients, FAILED, addresses).of(clients[0])
    assert len(str(wire.requests[0].url)) < 4096
