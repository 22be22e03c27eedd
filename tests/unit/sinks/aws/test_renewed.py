"""Credentials that end while several threads use them are obtained once."""

from __future__ import annotations

import threading

from botocore.credentials import Credentials

from sinks.aws.credentials import Renewed


class Source:
    def __init__(self, *keys: str) -> None:
        self.keys = list(keys)
        self.asked = 0

    def __call__(self) -> Credentials:
        self.asked += 1
        return Credentials(self.keys[min(self.asked, len(self.keys)) - 1], "secret")


def test_a_thread_whose_request_was_refused_gets_what_another_one_has_obtained() -> None:
    source = Source("old", "new")
    credentials = Renewed(source)
    assert credentials.get_frozen_credentials().access_key == "old"
    seen = credentials.renewals
    answers: list[bool] = []
    threads = [threading.Thread(target=lambda: answers.append(credentials.renew(seen))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [True] * 8
    assert source.asked == 2
    assert credentials.get_frozen_credentials().access_key == "new"


def test_the_same_again_are_no_others() -> None:
    credentials = Renewed(Source("old"))
    credentials.get_frozen_credentials()
    assert credentials.renew(0) is False
    assert credentials.renew(1) is False
