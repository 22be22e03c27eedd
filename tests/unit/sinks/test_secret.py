from __future__ import annotations

import copy
import json
import logging
import pickle
from collections.abc import Callable
from dataclasses import asdict, dataclass

import pytest

from sinks.document import Document
from sinks.secret import Secret

TEXT = "a-text-that-nobody-may-see"


@dataclass(frozen=True)
class Holder:
    secret: Secret
    document: Document


def test_a_secret_is_masked_wherever_it_is_shown(caplog: pytest.LogCaptureFixture) -> None:
    secret = Secret(TEXT)
    logging.getLogger(__name__).warning("%s %r", secret, secret)
    shown = f"{secret} {secret!r} {secret:>40} {[secret]} {Holder(secret, Document.of('k', secret))} {caplog.text}"
    assert TEXT not in shown
    assert str(secret) == repr(secret) == f"{secret}" == "Secret(***)"


@pytest.mark.parametrize("thing", [Secret(TEXT), Document.of("k", Secret(TEXT))], ids=["secret", "document"])
@pytest.mark.parametrize("how", [copy.copy, copy.deepcopy, pickle.dumps, hash, json.dumps], ids=lambda f: f.__name__)
def test_it_cannot_be_copied_pickled_hashed_or_encoded(thing: object, how: Callable[[object], object]) -> None:
    with pytest.raises(TypeError) as caught:
        how(thing)
    assert TEXT not in str(caught.value)


def test_a_dataclass_that_holds_one_cannot_be_taken_apart() -> None:
    with pytest.raises(TypeError):
        asdict(Holder(Secret(TEXT), Document({})))


def test_it_has_no_attributes_of_its_own() -> None:
    with pytest.raises(TypeError):
        vars(Secret(TEXT))
    with pytest.raises(AttributeError):
        Secret(TEXT).other = 1  # type: ignore[attr-defined]  # what must fail


def test_an_empty_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be empty"):
        Secret("")


def test_secrets_are_equal_by_text_and_never_to_a_text() -> None:
    assert Secret(TEXT) == Secret(TEXT)
    assert Secret(TEXT) != Secret("other")
    assert Secret("mit Ümlaut") == Secret("mit Ümlaut")
    assert Secret(TEXT) != TEXT


def test_a_fingerprint_tells_secrets_of_one_owner_apart_and_not_two_owners() -> None:
    print_ = Secret(TEXT).fingerprint("AbC")
    assert print_ == Secret(TEXT).fingerprint("AbC")
    assert (len(print_), int(print_, 16) > 0) == (16, True)
    assert print_ != Secret("other").fingerprint("AbC")
    assert print_ != Secret(TEXT).fingerprint("XyZ")
    assert TEXT not in print_
