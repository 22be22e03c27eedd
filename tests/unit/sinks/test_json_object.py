"""The user's text stays as it is, whatever JSON it is."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinks.document import Document
from sinks.json_object import JsonObject, written
from sinks.secret import Secret

SPACE = st.text(" \t\n\r", max_size=3)
NUMBERS = ["0", "-0", "1.10", "1E5", "1e+05", "-0.0", "1e400", "123456789012345678901234567890", "7" * 5000]
ESCAPED = ['"\\u00e9"', '"\\/"', '"\\ud83d\\ude00"', '"\\ud800"', '"é"', '"漢字"', '"\\u0000"', '""', '"\\""']
LEAVES = st.sampled_from(["true", "false", "null", *NUMBERS, *ESCAPED]) | st.text(max_size=5).map(json.dumps)


def joined(texts: list[str], spaces: list[str], brackets: str) -> str:
    spaced = (f"{space}{text}{space}" for text, space in zip(texts, spaces, strict=True))
    return brackets[0] + ",".join(spaced) + brackets[1]


def wrapped(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    array = st.lists(st.tuples(inner, SPACE), max_size=3).map(
        lambda items: joined([text for text, _ in items], [space for _, space in items], "[]")
    )
    return array | st.lists(st.tuples(inner, SPACE), max_size=3).map(
        lambda items: joined([f'"k": {text}' for text, _ in items], [space for _, space in items], "{}")
    )


VALUES = st.recursive(LEAVES, wrapped, max_leaves=6)
MEMBERS = st.lists(st.tuples(SPACE, st.sampled_from(['"a"', '"\\u0061"', '"b"', '"é"']), SPACE, SPACE, VALUES, SPACE))


@given(MEMBERS, MEMBERS, SPACE, SPACE, VALUES, st.text(min_size=1).filter(lambda text: text.isprintable()))
def test_every_foreign_byte_is_kept(
    before: list[tuple[str, ...]], after: list[tuple[str, ...]], space: str, end: str, ours: str, value: str
) -> None:
    texts = [f"{one}{name}{two}:{three}{text}{four}" for one, name, two, three, text, four in (*before, *after)]
    mine = f'{space}"client_secret"{space}:{space}%s{space}'
    members = [*texts[: len(before)], mine, *texts[len(before) :]]
    text = end + "{" + ",".join(members) + "}" + end
    # Texts of the user may hold a percent sign. So the one of ours is replaced by hand.
    head, tail = text.split(mine)
    was, now = (head + mine.replace("%s", each) + tail for each in (ours, written(value)))
    document = Document.parse(was, bare=False)
    assert document.reveal_text() == was
    assert document.with_value("client_secret", Secret(value)).reveal_text() == now
    # Added beside and removed again, nothing of it is left.
    beside = document.with_value("client_secret_next", Secret(value))
    assert beside.get("client_secret_next") == Secret(value)
    assert beside.without("client_secret_next").reveal_text().rstrip("} \t\n\r") == was.rstrip("} \t\n\r")


@pytest.mark.parametrize(
    ("was", "now"),
    [
        ("{}", '{"k": "v"}'),
        (" { } ", '{"k": "v"}'),
        ('{"a": 1}', '{"a": 1, "k": "v"}'),
        ('{"a":1,"b":2}', '{"a":1,"b":2,"k": "v"}'),
        ('{"a": 1, "b": 2}', '{"a": 1, "b": 2, "k": "v"}'),
        ('{\n  "a": 1\n}\n', '{\n  "a": 1,\n  "k": "v"\n}\n'),
        ('{"k": 1, "k": 2}', '{"k": "v", "k": "v"}'),
    ],
)
def test_a_new_key_is_laid_out_as_its_neighbours_are(was: str, now: str) -> None:
    assert JsonObject.parse(was).with_text("k", '"v"').text == now


def test_a_key_that_occurs_twice_has_the_value_that_parsers_take() -> None:
    assert Document.parse('{"k": "first", "k": "last"}', bare=False).get("k") == Secret("last")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[" * 200_000, "nested too deeply"),
        ('{"a":' * 200_000 + "1" + "}" * 200_000, "nested too deeply"),
        ("\ufeff{}", "not JSON"),
        ('{"a": 1} x', "not JSON"),
        ('{"a": 1,}', "not JSON"),
        ("{'a': 1}", "not JSON"),
        ("[]", "not an object"),
        ("7", "not an object"),
        ('{"a": "\ud800"}', "not valid Unicode"),
    ],
)
def test_other_texts_are_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Document.parse(text, bare=False)


@pytest.mark.parametrize(("value", "text"), [("漢字", '"漢字"'), ("\ud800é", '"\\ud800\\u00e9"'), ("a\nb", '"a\\nb"')])
def test_a_value_is_not_made_longer_by_escapes_than_it_has_to_be(value: str, text: str) -> None:
    assert written(value) == text
