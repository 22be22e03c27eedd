"""New values, generated and brought."""

from __future__ import annotations

import base64
import math
import re
import traceback

import pytest

from bridge.auth0.client import Client
from bridge.auth0.values import check_brought, estimated_bits, existing, generate
from bridge.model.errors import Usage
from sinks.secret import Secret

PLAIN = Client("AbC123", "billing")
ENCODED = Client("AbC123", "billing", secret_encoded=True)


def test_a_value_is_48_bytes_as_64_url_safe_characters() -> None:
    value = generate(PLAIN, lambda n: bytes(range(n)))
    assert value == Secret(base64.urlsafe_b64encode(bytes(range(48))).decode())
    assert re.fullmatch(r"[A-Za-z0-9_-]{64}", generate(PLAIN).reveal())
    assert generate(PLAIN) != generate(PLAIN)


def test_a_base64_value_means_the_same_bytes_in_either_alphabet() -> None:
    for _ in range(50):
        text = generate(ENCODED).reveal()
        assert base64.b64decode(text, validate=True) == base64.urlsafe_b64decode(text)
        assert len(base64.b64decode(text)) == 48


@pytest.mark.parametrize("client", [PLAIN, ENCODED])
def test_generated_values_would_be_taken_when_brought(client: Client) -> None:
    for _ in range(200):
        value = generate(client)
        assert check_brought(value.reveal() + "\n", client) == value


def test_one_line_break_at_the_end_is_dropped_and_nothing_else() -> None:
    good = generate(PLAIN).reveal()
    assert check_brought(good + "\r\n", PLAIN) == Secret(good)
    for bad in (good + "\n\n", " " + good, good + " "):
        with pytest.raises(Usage, match="white space"):
            check_brought(bad, PLAIN)
    assert existing("short\n") == Secret("short")
    for nothing in ("", "\n"):
        with pytest.raises(Usage, match="empty"):
            existing(nothing)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Zx9", "3 characters; 32"),
        ("a9_B" * 300, "1200 characters; 1024"),
        ("tk7Qm2Vx9Rb4Wn6Yc8Zd3Fg5Hj1Kl0P/", "other characters"),
        ("tk7Qm2Vx9Rb4Wn6Yc8Zd3Fg5Hj1Kl0Pü", "other characters"),
        ("tk7Qm2Vx9Rb4W n6Yc8Zd3Fg5Hj1Kl0Pq", "other characters"),
        ("a" * 64, "too regular"),
        ("abc" * 20, "too regular"),
        ("abcdefghijklmnopqrstuvwxyz0123456789", "too regular"),
        ("71839250461738295047182639504718", "too regular"),
    ],
)
def test_a_brought_value_is_refused_with_the_reason_and_without_the_value(text: str, why: str) -> None:
    with pytest.raises(Usage) as caught:
        check_brought(text, PLAIN)
    shown = "".join(traceback.format_exception(caught.value))
    assert why in shown
    assert text not in shown


@pytest.mark.parametrize(
    ("text", "characters", "alphabet"),
    [
        ("", 0, 2),
        ("ab1", 3, 36),
        ("aB1-", 4, 63),
        ("abc", 2, 26),
        ("aaaa", 2, 26),
        ("axbaxb", 5, 26),  # the second "axb" repeats the first
        ("9510736284", 10, 10),
    ],
)
def test_each_character_counts_but_for_those_that_repeat_or_go_on(text: str, characters: int, alphabet: int) -> None:
    assert estimated_bits(text) == pytest.approx(characters * math.log2(alphabet))


def test_a_random_32_digit_hexadecimal_value_is_good_enough() -> None:
    check_brought("9f86d081884c7d659a2feaa0c55ad015", PLAIN)


def test_for_a_base64_secret_a_brought_value_has_to_be_base64() -> None:
    text = base64.b64encode(bytes(range(3, 195, 4))).decode() + "/+=="
    with pytest.raises(Usage, match="not Base64"):
        check_brought(text[:-4] + "a", ENCODED)
    check_brought("tk7Qm2Vx9Rb4Wn6Yc8Zd3Fg5Hj1Kl0P/", ENCODED)
