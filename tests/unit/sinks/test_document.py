from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinks.document import Document
from sinks.secret import Secret

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.text(), JSON, max_size=5), st.text(min_size=1), st.text(min_size=1))
def test_only_our_key_is_replaced_and_everything_else_stays(data: dict[str, Any], key: str, value: str) -> None:
    before = Document.parse(json.dumps(data), bare=False)
    after = Document.parse(before.with_value(key, Secret(value)).reveal_text(), bare=False)
    assert json.loads(after.reveal_text()) == {**data, key: value}
    assert after.get(key) == Secret(value)
    assert before == Document(data)
    assert (before == after) == (json.dumps(data.get(key)) == json.dumps(value) and key in data)


def test_a_document_tells_its_keys_and_never_its_values() -> None:
    document = Document({"b": "theirs-b", "a": "theirs-a"})
    assert document.keys == ("a", "b")
    assert repr(document) == str(document) == "Document(***)"


@pytest.mark.parametrize("value", [None, "", 7, True, ["x"], {"x": "y"}])
def test_what_is_no_text_is_no_value(value: object) -> None:
    assert Document({"client_secret": value}).get("client_secret") is None
    assert Document({}).get("client_secret") is None


def test_a_bare_document_is_the_value_itself() -> None:
    document = Document.parse("the-value", bare=True)
    assert (document.get(None), document.keys, document.reveal_text()) == (Secret("the-value"), (), "the-value")
    assert document.with_value(None, Secret("new")).reveal_text() == "new"
    assert Document.of(None, Secret("new")).reveal_text() == "new"
    assert Document.of("k", Secret("new")).reveal_text() == '{"k": "new"}'


@pytest.mark.parametrize("text", ["", "{", "secret-that-is-no-json", '["secret"]', '"secret"', "7", "null"])
def test_a_text_that_is_no_object_is_refused_without_quoting_it(text: str) -> None:
    with pytest.raises(ValueError, match="JSON") as caught:
        Document.parse(text, bare=False)
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_documents_are_equal_when_they_would_be_stored_alike() -> None:
    assert Document({"a": "1", "k": float("nan")}) == Document({"k": float("nan"), "a": "1"})
    assert Document({"a": 1}) != Document({"a": True})
    assert Document.parse('{"k": 1.0}', bare=False) != Document.parse('{"k": 1}', bare=False)
    assert Document({"k": 1}) != Document({"k": "1"})
    assert Document({"k": {}}) != Document({"k": []})
    assert Document({}, bare="a") != Document({}, bare="b")
    assert Document({"k": "1"}) != Document({})
    assert Document({}) != {}


def test_keys_are_taken_out() -> None:
    assert Document({"a": "1", "b": "2", "c": "3"}).without("a", "c", "d") == Document({"b": "2"})
