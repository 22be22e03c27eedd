"""What a token request may look like (RFC 6749), and what becomes of everything else."""

from __future__ import annotations

import base64
import json
import re
from typing import Any
from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.agent.answers import Refusal
from bridge.agent.asked import FORM, JSON, LONGEST, MOST_FIELDS, Asked, asked, bearer

GRANT = {"grant_type": "client_credentials"}
ID = {**GRANT, "client_id": "AbC"}
PLAIN = re.compile(r"[\x20\x21\x23-\x5b\x5d-\x7e]*")  # section 5.2: error and error_description
LONG = "x" * (LONGEST + 1)


def basic(client_id: str, secret: str) -> dict[str, list[str]]:
    coded = base64.b64encode(f"{quote_plus(client_id)}:{quote_plus(secret)}".encode()).decode()
    return {"authorization": [f"Basic {coded}"]}


def raw(text: bytes | str) -> dict[str, list[str]]:
    coded = base64.b64encode(text if isinstance(text, bytes) else text.encode()).decode()
    return {"authorization": [f"Basic {coded}"]}


def form(fields: Any, kind: str = FORM, **headers: list[str]) -> Asked:
    return asked({"content-type": [kind], **headers}, urlencode(fields).encode())


def body(kind: str, text: bytes | str, **headers: list[str]) -> Asked:
    return asked({"content-type": [kind], **headers}, text if isinstance(text, bytes) else text.encode())


def refused(kind: str, text: bytes | str, headers: dict[str, list[str]]) -> Refusal:
    with pytest.raises(Refusal) as caught:
        body(kind, text, **headers)
    return caught.value


NONE = (None, None, None)
BARE, WITH = Asked("AbC", "", *NONE), Asked("AbC", "t", *NONE)
ALL = {**ID, "client_secret": "t", "audience": "https://api", "scope": "b a", "organization": "org_1"}
RIGHT: dict[str, tuple[str, bytes | str, dict[str, list[str]], Asked]] = {
    "a form": (FORM, urlencode(ALL), {}, Asked("AbC", "t", "https://api", "a b", "org_1")),
    "JSON": (JSON, json.dumps(ALL), {}, Asked("AbC", "t", "https://api", "a b", "org_1")),
    "the least": (FORM, urlencode(ID), {}, BARE),
    "Basic": (FORM, urlencode(GRANT), basic("AbC", "t"), WITH),
    "Basic, form-encoded": (FORM, urlencode(GRANT), basic("a b:c", "t:/+ %ü"), Asked("a b:c", "t:/+ %ü", *NONE)),
    "Basic, percent-encoded": (
        FORM, urlencode(GRANT), raw(f"{quote('a b', safe='')}:{quote('t+u', safe='')}"),
        Asked("a b", "t+u", None, None, None),
    ),
    "Basic, an empty secret": (FORM, urlencode(GRANT), raw("AbC:"), BARE),
    "Basic, colons in the secret": (FORM, urlencode(GRANT), raw("AbC:t:u:v"), Asked("AbC", "t:u:v", None, None, None)),
    "Basic in lower case": (
        FORM, urlencode(GRANT), {"authorization": [basic("AbC", "t")["authorization"][0].replace("Basic", "bAsIc")]},
        WITH,
    ),
    "Basic beside the same client_id": (FORM, urlencode(ID), basic("AbC", "t"), WITH),
    "Basic with JSON": (JSON, json.dumps(GRANT), basic("AbC", "t"), WITH),
    "an empty Authorization": (FORM, urlencode(ID), {"authorization": [""]}, BARE),
    "a charset": (f"{FORM}; charset=utf-8", urlencode(ID), {}, BARE),
    "a charset, in upper case": ("Application/JSON ; Charset=UTF-8", json.dumps(ID), {}, BARE),
    "empty values": (
        FORM, urlencode({**ID, "client_secret": "", "audience": "", "scope": "", "organization": ""}), {},
        BARE,
    ),
    "scopes twice and in another order": (
        FORM, urlencode({**ID, "scope": " write:x  read:x write:x "}), {},
        Asked("AbC", "", None, "read:x write:x", None),
    ),
    "what is not known": (FORM, urlencode({**ID, "foo": "bar"}), {}, BARE),
    "as many parameters as may be": (
        FORM, urlencode({**ID, **{f"p{i}": "x" for i in range(MOST_FIELDS - 2)}}), {}, BARE,
    ),
    "as long as may be": (
        FORM, urlencode({**ID, "audience": "x" * LONGEST}), {}, Asked("AbC", "", "x" * LONGEST, None, None),
    ),
    "other letters": (FORM, urlencode({**ID, "audience": "https://é"}), {}, Asked("AbC", "", "https://é", None, None)),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "text", "headers", "expected"), RIGHT.values(), ids=RIGHT)
def test_a_request_is_read(kind: str, text: str, headers: dict[str, list[str]], expected: Asked) -> None:
    assert body(kind, text, **headers) == expected


OBJECT = "not one object whose values are texts"
REFUSED: dict[str, tuple[str, bytes | str, dict[str, list[str]], int, str, str]] = {
    "no grant type": (FORM, "client_id=AbC", {}, 400, "invalid_request", "grant_type: missing"),
    "no body": (FORM, "", {}, 400, "invalid_request", "grant_type: missing"),
    "an empty grant type": (FORM, "grant_type=&client_id=AbC", {}, 400, "unsupported_grant_type", "only"),
    "another grant type": (FORM, "grant_type=password&client_id=AbC", {}, 400, "unsupported_grant_type", "only"),
    "a grant type in upper case": (
        FORM, "grant_type=CLIENT_CREDENTIALS&client_id=A", {}, 400, "unsupported_grant_type", "only",
    ),
    "a parameter twice": (FORM, f"{urlencode(ID)}&scope=a&scope=b", {}, 400, "invalid_request", "found twice"),
    "an unknown one twice": (FORM, f"{urlencode(ID)}&x=a&x=a", {}, 400, "invalid_request", "found twice"),
    "a parameter twice in JSON": (
        JSON, '{"grant_type": "client_credentials", "client_id": "a", "client_id": "b"}', {}, 400, "invalid_request",
        "found twice",
    ),
    "no client": (FORM, urlencode(GRANT), {}, 401, "invalid_client", "client_id: missing"),
    "an empty client": (FORM, urlencode({**GRANT, "client_id": ""}), {}, 401, "invalid_client", "client_id: missing"),
    "both mechanisms": (
        FORM, urlencode({**ID, "client_secret": "t"}), basic("AbC", "t"), 400, "invalid_request", "one of them",
    ),
    "both mechanisms, one empty": (
        FORM, urlencode({**ID, "client_secret": ""}), basic("AbC", "t"), 400, "invalid_request", "one of them",
    ),
    "two client ids": (FORM, urlencode(ID), basic("other", "t"), 400, "invalid_request", "client_id: differs"),
    "Basic without a colon": (FORM, urlencode(GRANT), raw("AbC"), 401, "invalid_client", "ID:SECRET"),
    "Basic without an id": (FORM, urlencode(GRANT), raw(":t"), 401, "invalid_client", "ID:SECRET"),
    "Basic alone": (FORM, urlencode(GRANT), {"authorization": ["Basic"]}, 401, "invalid_client", "ID:SECRET"),
    "Basic that is no Base64": (
        FORM, urlencode(GRANT), {"authorization": ["Basic QWJD*nQ="]}, 401, "invalid_client", "ID:SECRET",
    ),
    "Basic with other letters": (
        FORM, urlencode(GRANT), {"authorization": ["Basic é"]}, 401, "invalid_client", "ID:SECRET",
    ),
    "Basic that is no UTF-8": (FORM, urlencode(GRANT), raw(b"AbC:\xff"), 401, "invalid_client", "ID:SECRET"),
    "Basic that encodes no UTF-8": (FORM, urlencode(GRANT), raw("AbC%ff:t"), 401, "invalid_client", "ID:SECRET"),
    "Basic with a secret that encodes no UTF-8": (
        FORM, urlencode(GRANT), raw("AbC:%ff"), 401, "invalid_client", "ID:SECRET",
    ),
    "Basic with a line break": (FORM, urlencode(GRANT), raw("Ab%0aC:t"), 401, "invalid_client", "ID:SECRET"),
    "Basic, too long": (FORM, urlencode(GRANT), raw(f"AbC:{LONG}"), 401, "invalid_client", "ID:SECRET"),
    "another scheme": (
        FORM, urlencode(ID), {"authorization": ["Bearer abc"]}, 401, "invalid_client", "expected Basic",
    ),
    "two Authorization headers": (
        FORM, urlencode(ID), {"authorization": ["Basic QTpi", "Basic QTpi"]}, 400, "invalid_request", "2 times",
    ),
    "two content types": (FORM, urlencode(ID), {"content-type": [FORM, JSON]}, 400, "invalid_request", "2 times"),
    "no content type": ("", urlencode(ID), {}, 400, "invalid_request", "none of"),
    "another content type": ("text/plain", urlencode(ID), {}, 400, "invalid_request", "none of"),
    "a multipart form": ("multipart/form-data; boundary=x", "--x--", {}, 400, "invalid_request", "none of"),
    "too many parameters": (
        FORM, urlencode({**ID, **{f"p{i}": "x" for i in range(MOST_FIELDS)}}), {}, 400, "invalid_request",
        f"more than {MOST_FIELDS}",
    ),
    "too many parameters in JSON": (
        JSON, json.dumps({**ID, **{f"p{i}": "x" for i in range(MOST_FIELDS)}}), {}, 400, "invalid_request",
        f"more than {MOST_FIELDS}",
    ),
    "too long": (FORM, urlencode({**ID, "audience": LONG}), {}, 400, "invalid_request", f"longer than {LONGEST}"),
    "unprintable": (FORM, urlencode({**ID, "audience": "a\x00b"}), {}, 400, "invalid_request", "not printable"),
    "a line break": (FORM, urlencode({**ID, "scope": "a\nb"}), {}, 400, "invalid_request", "not printable"),
    "half of a letter in JSON": (
        JSON, '{"grant_type": "client_credentials", "client_id": "\\ud800"}', {}, 400, "invalid_request",
        "not printable",
    ),
    "an assertion": (
        FORM, urlencode({**ID, "client_assertion": "x"}), {}, 401, "invalid_client", "found client_assertion",
    ),
    "a kind of assertion": (
        FORM, urlencode({**ID, "client_assertion_type": "x"}), {}, 401, "invalid_client", "found client_assertion",
    ),
    "DPoP": (FORM, urlencode(ID), {"dpop": ["x"]}, 400, "invalid_request", "DPoP"),
    "a resource": (FORM, urlencode({**ID, "resource": "x"}), {}, 400, "invalid_request", "audience"),
    "a form that is none": (FORM, "grant_type", {}, 400, "invalid_request", f"not {FORM}"),
    "a form that is no UTF-8": (FORM, b"grant_type=\xff", {}, 400, "invalid_request", f"not {FORM}"),
    "a form that encodes no UTF-8": (FORM, "grant_type=%ff", {}, 400, "invalid_request", f"not {FORM}"),
    "JSON that is a form": (JSON, urlencode(ID), {}, 400, "invalid_request", f"not {JSON}"),
    "a form that is JSON": (FORM, json.dumps(ID), {}, 400, "invalid_request", f"not {FORM}"),
    "half of a JSON": (JSON, '{"grant_type": "client_', {}, 400, "invalid_request", f"not {JSON}"),
    "JSON that is no UTF-8": (JSON, b'{"a": "\xff"}', {}, 400, "invalid_request", f"not {JSON}"),
    "a JSON list": (JSON, json.dumps([["grant_type", "client_credentials"]]), {}, 400, "invalid_request", OBJECT),
    "a JSON list of objects": (JSON, json.dumps([ID]), {}, 400, "invalid_request", OBJECT),
    "an empty JSON list": (JSON, "[]", {}, 400, "invalid_request", "grant_type: missing"),
    "a JSON number": (JSON, "7", {}, 400, "invalid_request", "grant_type: missing"),
    "a JSON text": (JSON, '"grant_type"', {}, 400, "invalid_request", "grant_type: missing"),
    "a JSON null": (JSON, "null", {}, 400, "invalid_request", "grant_type: missing"),
    "a huge JSON number": (JSON, "9" * 16000, {}, 400, "invalid_request", f"not {JSON}"),
    "a nested JSON object": (JSON, json.dumps({**ID, "scope": {"a": "b"}}), {}, 400, "invalid_request", OBJECT),
    "a list of scopes": (JSON, json.dumps({**ID, "scope": ["a"]}), {}, 400, "invalid_request", OBJECT),
    "a null in JSON": (JSON, json.dumps({**ID, "audience": None}), {}, 400, "invalid_request", OBJECT),
    "a deep JSON": (JSON, "[" * 16000, {}, 400, "invalid_request", f"not {JSON}"),
    "a deep JSON object": (JSON, '{"a":' * 3000 + "1" + "}" * 3000, {}, 400, "invalid_request", ""),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "text", "headers", "status", "error", "words"), REFUSED.values(), ids=REFUSED)
def test_a_request_is_refused_by_the_code_of_rfc_6749(
    kind: str, text: str, headers: dict[str, list[str]], status: int, error: str, words: str
) -> None:
    found = refused(kind, text, headers)
    assert (found.status, found.error) == (status, error)
    assert words in found.description


def test_requests_for_the_same_have_the_same_key_and_others_have_another() -> None:
    same = form({**ID, "scope": "a b", "audience": "x"})
    assert form({**ID, "scope": "b a", "audience": "x", "client_secret": "other"}).key == same.key
    for more in ({"scope": "a"}, {"audience": "y"}, {"organization": "o"}, {"organization": "a b", "scope": ""}):
        assert form({**ID, "scope": "a b", "audience": "x", **more}).key != same.key


def test_what_the_caller_sent_as_its_secret_is_not_printed() -> None:
    assert "canary" not in repr(form({**ID, "client_secret": "canary"}))


@pytest.mark.parametrize(("said", "expected"), [
    ([], ""), ([""], ""), (["Bearer abc"], "abc"), (["bearer  abc "], "abc"), (["Basic abc"], ""), (["Bearer"], ""),
])  # fmt: skip
def test_a_bearer_token_is_read(said: list[str], expected: str) -> None:
    assert bearer({"authorization": said}) == expected


def test_every_refusal_for_the_client_says_how_to_authenticate() -> None:
    told = refused(FORM, urlencode(GRANT), {}).answer
    assert told.status == 401
    assert b"www-authenticate" in {name for name, _ in told.headers}  # RFC 9110 section 15.5.2: with every 401


def test_the_way_of_a_refusal_to_the_caller_has_the_letters_of_rfc_6749_only() -> None:
    told = json.loads(Refusal(400, 'bad"\\\n', 'a "b" \\ ü\n\x7f').answer.body)
    assert all(PLAIN.fullmatch(text) for text in told.values()), told


HEADER = st.lists(st.text(st.characters(max_codepoint=255), max_size=40), max_size=2)
BASIC = st.binary(max_size=30).map(lambda text: [f"Basic {base64.b64encode(text).decode()}"])
KINDS = st.sampled_from([FORM, JSON, f"{FORM};charset=x", "text/plain", ""]).map(lambda kind: [kind])
NAMES = st.sampled_from(["grant_type", "client_id", "client_secret", "scope", "audience", "organization", "x"])
TEXTS = st.sampled_from(["client_credentials", "AbC", ""]) | st.text(max_size=9)
FIELDS = st.lists(st.tuples(NAMES, TEXTS), max_size=9)
JSONS = st.recursive(
    st.none() | st.floats() | TEXTS, lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner), max_leaves=6
)
BODIES = (
    st.binary(max_size=99)
    | FIELDS.map(lambda pairs: urlencode([(name, text.encode("utf-8", "replace")) for name, text in pairs]).encode())
    | JSONS.map(lambda told: json.dumps(told).encode())
)


@given(HEADER | BASIC, KINDS | HEADER, HEADER, BODIES)
def test_any_bytes_are_a_request_or_a_refusal(
    authorization: list[str], kind: list[str], dpop: list[str], text: bytes
) -> None:
    headers = {"authorization": authorization, "content-type": kind, "dpop": dpop}
    refusal = found = None
    try:
        found = asked(headers, text)
    except Refusal as raised:
        refusal = raised
    if refusal is not None:
        assert refusal.status in (400, 401)
        assert all(PLAIN.fullmatch(words) for words in json.loads(refusal.answer.body).values())
    if found is not None:
        assert found.client_id
        assert found.client_id.isprintable()
        found.secret.encode()  # it is compared as bytes
