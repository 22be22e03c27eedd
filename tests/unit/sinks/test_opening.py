from __future__ import annotations

import ast
import itertools
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

import sinks
import tests.kinds.story as story
from sinks import kinds
from sinks.errors import BadAddress
from sinks.kinds import Kind
from sinks.secret import Secret
from sinks.shared import Shared


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A kind of store whose folder stands beside the others."""
    monkeypatch.setattr(sinks, "__path__", [*sinks.__path__, str(Path(story.__file__ or "").parent)])
    yield kinds.kind("memory")
    for name in [name for name in sys.modules if name.startswith("sinks.memory")]:
        del sys.modules[name]


def resolve(name: str) -> Secret:
    raise AssertionError(name)


@pytest.mark.parametrize("name", ["azure", "vault.kv", "", "../vault", "port", "errors"])
def test_what_is_no_kind_of_store_is_refused(name: str) -> None:
    with pytest.raises(BadAddress, match="is no kind of vault"):
        kinds.kind(name)


def test_a_kind_that_cannot_tell_of_many_at_once_tells_of_none(memory: Any) -> None:
    told = sinks.survey_together(
        "here", ["here://apps/x"], "memory", memory.Settings(), resolve=resolve, shared=Shared()
    )
    assert told == {}
    with pytest.raises(BadAddress):
        sinks.survey_together("here", ["here://apps/x"], "azure", None, resolve=resolve, shared=Shared())


def test_a_kind_that_can_is_asked_for_all_of_a_vault(memory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def survey(name: str, targets: tuple[str, ...], settings: Any, **more: Any) -> Any:
        asked.append((name, targets, settings))
        return {f"{name}://{target}": "a state" for target in targets}

    monkeypatch.setattr(memory, "survey_together", survey, raising=False)
    uris = ["here://apps/x", "here://apps/y"]
    told = sinks.survey_together("here", uris, "memory", "settings", resolve=resolve, shared=Shared())
    assert (set(told), asked) == ({*uris}, [("here", ("apps/x", "apps/y"), "settings")])


@pytest.mark.parametrize("name", ["memory", "vault", "aws"])
def test_every_kind_of_store_offers_the_same(name: str, memory: Any) -> None:
    kind = kinds.kind(name)
    members = [member for member in vars(Kind) if not member.startswith("_")]
    assert [member for member in members if not hasattr(kind, member)] == []
    assert kind.Settings.__dataclass_params__.frozen
    assert kind.ADDRESS.startswith(f"{name}://")
    assert all(found.startswith(f"{name}-") for found in kind.findings())


@pytest.mark.parametrize("name", ["memory", "vault", "aws"])
def test_no_module_of_a_kind_takes_the_name_of_what_it_offers(name: str, memory: Any) -> None:
    # The import of the module would replace the function.
    modules = {found.name for found in pkgutil.iter_modules(cast(Any, kinds.kind(name)).__path__)}
    assert modules & set(vars(Kind)) == set()


@pytest.mark.parametrize("uri", ["", "vault", "vault:/x", "://x", "vault://"])
def test_what_is_no_uri_is_refused(uri: str, memory: Any) -> None:
    with pytest.raises(BadAddress, match="is not a sink"):
        sinks.open_sink(uri, "memory", memory.Settings(), resolve=resolve)


def test_a_place_in_memory_is_opened_by_its_name_alone(memory: Any) -> None:
    sink = sinks.open_sink("dev://apps/x#password", "memory", memory.from_environment({}), resolve=resolve)
    assert sink.uri == "dev://apps/x"
    assert not sink.read().exists
    memory.STORES["default"].write_key("apps/x", "password", "theirs")
    again = sinks.open_sink("dev://apps/x", "memory", memory.Settings(), resolve=resolve)
    assert again.read().keys == ("password",)
    memory.STORES["other"] = memory.MemoryStore()
    assert not sinks.open_sink("dev://apps/x", "memory", memory.Settings("other"), resolve=resolve).read().exists
    with pytest.raises(BadAddress, match="names no document"):
        sinks.open_sink("dev://apps/x#", "memory", memory.Settings(), resolve=resolve)


@pytest.mark.parametrize("url", ["http://vault.example:8200", "http://10.0.0.7:8200"])
def test_a_vault_that_would_get_the_token_in_clear_text_is_refused(url: str) -> None:
    vault = kinds.kind("vault")
    with pytest.raises(BadAddress, match=r"plain http:// is for loopback only") as refused:
        vault.parse("secret/apps/billing", vault.Settings(url=url))
    assert url in refused.value.message


@pytest.mark.parametrize("url", ["https://vault.example:8200", "http://127.0.0.1:8200", "http://localhost:8200"])
def test_tls_and_this_machine_itself_are_not(url: str) -> None:
    vault = kinds.kind("vault")
    assert vault.parse("secret/apps/billing", vault.Settings(url=url)).path == "secret/apps/billing"


@pytest.mark.parametrize("name", ["memory", "vault", "aws"])
def test_each_setting_that_is_documented_as_a_reference_is_one(name: str, memory: Any) -> None:
    """Otherwise a plain secret would be accepted there, and shown."""
    kind = kinds.kind(name)
    assert {path.rpartition(".")[2] for path in kind.REFERENCES} == set(documented(kind.Settings))


def documented(settings: type) -> Iterator[str]:
    """Yield the fields whose docstring begins with "Reference to", also those of nested tables."""
    tree = ast.parse(Path(sys.modules[settings.__module__].__file__ or "").read_text("utf-8"))
    for table in (node for node in tree.body if isinstance(node, ast.ClassDef)):
        for field, text in itertools.pairwise(table.body):
            match field, text:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(told))):
                    yield from [name] if told.startswith("Reference to") else []
