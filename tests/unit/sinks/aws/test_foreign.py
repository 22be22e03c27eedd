"""Whatever has AWSPENDING and was not put by an operation of ours is named, left alone, and stays readable."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from sinks.aws.listing import own_label
from sinks.errors import Busy, Lost
from sinks.port import Stage
from sinks.secret import Secret
from tests.unit.sinks.aws.factory import client, make_lock, make_record, make_sink, stages, tags, text_at

S0, P, THIRD = Secret("old-value"), Secret("new-value"), Secret("third-value")
THEIRS = '{"client_secret": "a-value-of-theirs", "order": "4711"}'
LABELS: dict[str, tuple[str, ...]] = {
    "no label": (),
    "a label of theirs": ("staging",),
    "a label with too few words": ("BRIDGE:r-2:h2",),
    "a label with too many words": ("BRIDGE:r-2:rotate:::h2:more",),
    "an operation in capitals": ("BRIDGE:r-2:ROTATE:::h2",),
    "a chain of another kind": ("BRIDGE:x-2:rotate:::h2",),
    "a chain that is too long": (f"BRIDGE:r-{'2' * 65}:rotate:::h2",),
    "half a fingerprint": ("BRIDGE:r-2:rotate:0123::h2",),
    "no holder": ("BRIDGE:r-2:rotate:::",),
    "a layout's label": ("BRIDGE:layout:h2",),
}
TEXTS: dict[str, dict[str, Any]] = {
    "a text that is no JSON": {"SecretString": "not a document"},
    "JSON that is no object": {"SecretString": '["client_secret"]'},
    "binary": {"SecretBinary": b"\x00binary"},
}


def put(*labels: str, **text: Any) -> str:
    """Put a version with AWSPENDING as somebody else, from whoever has it; return its id."""
    answer = client().put_secret_value(
        SecretId="apps/x", VersionStages=["AWSPENDING", *labels], **(text or {"SecretString": THEIRS})
    )
    return str(answer["VersionId"])


def text_of(version: str) -> str:
    text: str = client().get_secret_value(SecretId="apps/x", VersionId=version)["SecretString"]
    return text


@pytest.mark.parametrize("held", [False, True])
@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_a_neighbour_of_a_lock_is_named_and_nothing_in_it_is_believed(
    secret: str, labels: tuple[str, ...], held: bool
) -> None:
    sink = make_sink()
    if held:
        sink.claim(sink.read(), make_lock(base=S0), P)
    version = put(*labels)
    for seen in (make_sink().read(), make_sink().survey()):
        assert f"AWSPENDING stands on a version that secret-bridge did not make (version {version}, " in seen.foreign
        assert re.fullmatch(r"[ -~]+", seen.foreign)  # it can be printed
        assert (seen.lock, seen.unnamed, seen.value(Stage.PENDING)) == (None, None, None)
        assert (seen.unsettled, seen.claimed is not None) == (True, True)
    assert make_sink().read().value(Stage.CURRENT) == S0
    before = stages()
    other = make_sink()
    with pytest.raises(Busy, match="did not make"):
        other.claim(other.read(), make_lock(base=S0, id="r-2", holder="h2"), THIRD)
    assert (stages(), text_of(version)) == (before, THEIRS)


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_who_claims_over_it_has_the_place_and_the_text_stays_readable(secret: str, labels: tuple[str, ...]) -> None:
    version = put(*labels)
    sink = make_sink()
    held = sink.claim(sink.read(), make_lock(base=S0, holder="leak"), P, over=True)
    assert sink.renew(held).value == P
    sink.promote(held, P, make_record(P, S0))
    sink.release(held, "rotated", ended=(S0,))
    assert text_of(version) == THEIRS
    assert json.loads(text_at("AWSCURRENT")) == {"client_secret": "new-value", "db": "theirs"}
    seen = make_sink().read()
    assert (seen.foreign, seen.lock, seen.unsettled, seen.value(Stage.CURRENT)) == ("", None, False, P)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_text_that_is_no_document_is_named_even_under_a_label_of_ours(secret: str, text: dict[str, Any]) -> None:
    lock = make_lock(base=S0)
    put(own_label(lock.id, lock), **text)
    client().tag_resource(SecretId=secret, Tags=[{"Key": k, "Value": v} for k, v in lock.tags().items()])
    seen = make_sink().read()
    assert seen.foreign
    assert (seen.lock, seen.unnamed, seen.value(Stage.PENDING), seen.value(Stage.CURRENT)) == (None, None, None, S0)
    sink = make_sink()
    held = sink.claim(sink.read(), make_lock(base=S0, id="r-2", holder="leak"), P, over=True)
    assert sink.renew(held).value == P
    sink.release(held, "given back")
    assert (make_sink().read().unsettled, "AWSPENDING" in stages()) == (False, False)


def test_an_operation_on_another_key_is_foreign_here(secret: str) -> None:
    client().put_secret_value(SecretId=secret, SecretString='{"client_secret": "old-value", "other": "old-other"}')
    other = make_sink(key="other")
    other.claim(other.read(), make_lock(base=Secret("old-other")), Secret("new-other"))
    seen = make_sink().read()
    assert seen.foreign.startswith("an operation on another key than 'client_secret' stands at aws://us-east-1/apps/x")
    assert (seen.lock, seen.unnamed) == (None, None)
    assert make_sink(key="other").read().lock is not None


@pytest.mark.parametrize(
    ("tag", "text"),
    [("id", "x-1"), ("operation", "ROTATE"), ("started", "yesterday"), ("expected_end", "never"), ("base", "0123"),
     ("ends", "all of them"), ("companions", "perhaps")],
)  # fmt: skip
def test_tags_of_another_form_leave_what_the_label_says(secret: str, tag: str, text: str) -> None:
    sink = make_sink()
    sink.claim(sink.read(), make_lock(base=S0), P)
    client().tag_resource(SecretId=secret, Tags=[{"Key": f"bridge_lock_{tag}", "Value": text}])
    seen = make_sink().read()
    assert (seen.lock, seen.foreign, seen.unsettled) == (None, "", True)
    assert seen.unnamed is not None
    assert (seen.unnamed.operation, seen.unnamed.id, seen.unnamed.holder) == ("rotate", "r-7f3a", "h1")
    assert seen.value(Stage.PENDING) == P


def test_tags_that_nobody_knows_change_nothing(secret: str) -> None:
    sink = make_sink()
    sink.claim(sink.read(), make_lock(base=S0), P)
    client().tag_resource(SecretId=secret, Tags=[{"Key": "bridge_lock_more", "Value": "x"}])
    assert make_sink().read().lock == make_lock(base=S0)


def test_what_the_label_was_taken_from_can_still_be_found(secret: str) -> None:
    sink = make_sink()
    held = sink.claim(sink.read(), make_lock(base=S0), P)
    put()
    with pytest.raises(Lost):
        sink.renew(held)
    sink.release(held, "given up")
    assert text_of(stages()["AWSPENDING"]) == THEIRS
    assert {P.reveal(), "a-value-of-theirs"} <= {value.reveal() for value in make_sink().candidates()}


def test_a_foreign_text_outlives_a_whole_operation_with_its_tags(secret: str) -> None:
    version = put()
    sink = make_sink()
    held = sink.claim(sink.read(), make_lock("settle", base=S0), None, over=True)
    sink.release(held, "given back")
    assert text_of(version) == THEIRS
    assert "AWSPENDING" not in stages()
    assert "managed-by" not in tags()
    assert make_sink().read().value(Stage.CURRENT) == S0
