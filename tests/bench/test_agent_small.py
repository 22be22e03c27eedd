"""The benchmark of the agent in its small form, and that its readers count what they meet."""

from __future__ import annotations

import pytest

from bridge.sandbox.auth0 import LocalAuth0
from tests.bench.agent_process import free_port
from tests.bench.agent_readers import Counts, Reader
from tests.bench.population import AUDIENCE
from tests.bench.test_bench_runs import printed

FEW = ("python", "curl")
"""Languages whose libraries are there where this project is developed."""


@pytest.mark.parametrize("language", FEW)
def test_a_reader_tells_a_refusal_from_a_failed_connection_and_from_another_error(language: str) -> None:
    with LocalAuth0() as auth0:
        client_id, secret = auth0.tenant.add_client(grants={AUDIENCE: ()})
        url = f"{auth0.url}/oauth/token"
        with Reader(language, client_id, AUDIENCE, 60) as reader:
            told = reader.ask(3, url, secret, 2)
            assert (told.asked, told.got, told.late, told.why) == (3, 3, 0, "")
            assert (told := reader.ask(2, url, "wrong", 2)).refused == told.asked == 2
            nobody = f"http://127.0.0.1:{free_port()}/oauth/token"
            assert (told := reader.ask(2, nobody, secret, 2)).connection == told.asked == 2
            auth0.tenant.fault("truncated")
            assert (told := reader.ask(1, url, secret, 2)).connection == told.asked == 1
            auth0.tenant.fault("error-before", status=503)
            assert (told := reader.ask(1, url, secret, 2)).other == told.asked == 1


def test_counts_are_added() -> None:
    found = Counts(asked=2, got=1, slowest=0.5, why="before")
    found.add(Counts(asked=3, got=3, slowest=0.2))
    assert found == Counts(asked=5, got=4, slowest=0.5, why="before")


def test_through_the_agent_nothing_is_refused_and_with_handed_over_sockets_no_connection_fails() -> None:
    few = [word for language in FEW for word in ("--language", language)]
    short = ("--scale", "60", "--slice", "1", "--rotations", "3", "--acquisitions", "300", "--sample", "10")
    rows = printed("agent", *few, *short)
    head, *languages, everything = rows[:4]
    told = dict(zip(head, everything, strict=True))
    assert [row[0] for row in languages] == [*FEW]
    assert int(told["acquisitions"].replace(",", "")) >= 300
    assert told["**refused**"] == "**0**"
    sample = told["**sample without the agent: refused**"]
    assert not sample.startswith("**0**")  # so the rotations could be noticed
    head, *kinds = rows[4:8]
    failed = {row[0]: int(row[head.index("connection failed")]) for row in kinds}
    assert failed["stopped in good order, sockets handed over"] == 0
    assert failed["killed, sockets handed over"] <= len(FEW)  # what was under way at that moment
    assert failed["killed, its own sockets"] > 0
