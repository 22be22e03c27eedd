"""Who is told of a server's request: whoever listens, as long as they do, of what matters."""

from __future__ import annotations

import pytest

from sinks import request_ids


def test_whoever_listens_is_told_of_requests_with_an_id_until_they_stop() -> None:
    heard: list[tuple[str, str]] = []
    request_ids.note("aws", "before")
    with request_ids.listening(lambda *told: heard.append(told), "r-1"):
        assert request_ids.correlation() == "r-1"
        request_ids.note("aws", "id-1")
        request_ids.note("vault", None)
        request_ids.note("vault", "")
        with request_ids.listening(lambda *told: None, "r-2"):
            request_ids.note("aws", "another's")
            assert request_ids.correlation() == "r-2"
        assert request_ids.correlation() == "r-1"
        request_ids.note("vault", "id-2")
    request_ids.note("aws", "after")
    assert heard == [("aws", "id-1"), ("vault", "id-2")]
    assert request_ids.correlation() == ""


def test_one_who_stops_for_a_failure_hears_nothing_more_either() -> None:
    heard: list[tuple[str, str]] = []
    with pytest.raises(ValueError, match="mine"), request_ids.listening(lambda *told: heard.append(told), "r-1"):
        raise ValueError("mine")
    request_ids.note("aws", "after")
    assert (heard, request_ids.correlation()) == ([], "")


@pytest.mark.parametrize(
    ("method", "status", "matters"),
    [
        ("PATCH", 200, True),
        ("DELETE", 404, True),
        ("GET", 200, False),
        ("LIST", 404, False),
        ("GET", 399, False),
        ("HEAD", 400, True),
        ("OPTIONS", 503, True),
        (None, 200, True),
    ],
)
def test_what_changes_something_matters_and_what_failed_but_not_looking_for_nothing(
    method: str | None, status: int, matters: bool
) -> None:
    changes = request_ids.changing(method)
    assert not request_ids.wanted(changes=changes, status=status)
    with request_ids.listening(lambda *told: None):
        assert request_ids.wanted(changes=changes, status=status) is matters
