"""What rules make of applications: as a table, and for names that somebody chose in order to do harm."""

from __future__ import annotations

import re
from collections.abc import Collection, Hashable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.auth0.client import Client
from bridge.config.settings import Rule
from bridge.planning.discovery import Finding, Known, Listing, State, decide, written
from bridge.planning.naming import Unnameable, rendered_text, slug
from sinks.errors import BadAddress
from sinks.vault.address import parse

RULE = Rule(1, "eu", ("v://secret/apps/{name}",), match=("web-*",), policy={"max_age": "30d"})
WEB = Client("Id1", "web-1", "regular_web", alg="RS256", metadata={"team": "a"})
TABLE = {"tenant": "eu", "client_id": "Id1", "sinks": ["v://secret/apps/web-1"], "max_age": "30d"}


def places(uri: str) -> Collection[Hashable]:
    path = parse(uri.partition("://")[2]).path
    return (path, f"{path}/pending")


def found(*clients: Client, rules: tuple[Rule, ...] = (RULE,), known: Known = Known(), prune: bool = False,  # noqa: B008
          own: str | None = None) -> list[Finding]:  # fmt: skip
    return list(decide([Listing("eu", clients, own)], rules, known, places, prune=prune))


def one(*clients: Client, **more: Any) -> Finding:
    (only,) = found(*clients, **more)
    return only


def client(number: int, name: str, **more: Any) -> Client:
    return replace(WEB, client_id=f"Id{number}", name=name, **more)


PICKED: list[tuple[dict[str, Any], dict[str, Any], bool]] = [
    ({}, {}, True),
    ({"tenant": "us"}, {}, False),
    ({"match": ("api-*", "web-?")}, {}, True),
    ({"match": ("WEB-*",)}, {}, False),
    ({"match": ()}, {"name": "anything"}, True),
    ({"exclude": ("web-1",)}, {}, False),
    ({"exclude": ("Id1",)}, {}, False),
    ({"exclude": ("web-2",)}, {}, True),
    ({"metadata": {"team": "a"}}, {}, True),
    ({"metadata": {"team": "?"}}, {}, True),
    ({"metadata": {"team": "b"}}, {}, False),
    ({"metadata": {"team": "a", "rotate": "*"}}, {}, False),
    ({"app_type": ("regular_web", "non_interactive")}, {}, True),
    ({"app_type": ("non_interactive",)}, {}, False),
    ({"app_type": ("regular_web",)}, {"app_type": ""}, False),
]


@pytest.mark.parametrize(("rule", "application", "picked"), PICKED)
def test_a_rule_picks_what_has_all_that_it_names(
    rule: dict[str, Any], application: dict[str, Any], *, picked: bool
) -> None:
    assert one(replace(WEB, **application), rules=(replace(RULE, **rule),)).state is (
        State.NEW if picked else State.IGNORED
    )


def test_a_new_client_gets_the_table_that_the_rule_says() -> None:
    rule = replace(RULE, policy={"owner": "Team {metadata.team}", "after": ["restart", "{name}", "{client_id}"]})
    new = one(WEB, rules=(rule,))
    assert (new.state, new.name, new.rule, new.attention) == (State.NEW, "web-1", 1, True)
    assert new.table == {
        "tenant": "eu",
        "client_id": "Id1",
        "sinks": ["v://secret/apps/web-1"],
        "owner": "Team a",
        "after": ["restart", "web-1", "Id1"],
    }


def test_the_first_rule_that_fits_counts() -> None:
    second = replace(RULE, number=2, sinks=("v://secret/other/{name}",))
    assert one(WEB, rules=(RULE, second)).rule == 1
    assert one(WEB, rules=(replace(RULE, tenant="us"), second)).rule == 2


STATES: list[tuple[Known, tuple[Client, ...], State, tuple[str, ...]]] = [
    (Known(explicit={"mine": {**TABLE, "sinks": ["v://s/x"]}}), (WEB,), State.MANAGED, ()),
    (Known(written={"web-1": TABLE}), (WEB,), State.MANAGED, ()),
    (Known(written={"web-1": TABLE}), (replace(WEB, name="web-9"),), State.MANAGED, ()),
    (Known(written={"kept": {**TABLE, "sinks": ["v://secret/apps/kept"]}}), (WEB,), State.MANAGED, ()),
    (Known(written={"web-1": {**TABLE, "max_age": "1d"}}), (WEB,), State.CHANGED, ("max_age",)),
    (Known(written={"web-1": {**TABLE, "key": "x"}}), (WEB,), State.CHANGED, ("key",)),
    (Known(written={"web-1": TABLE}), (replace(WEB, name="other"),), State.UNPICKED, ()),
    (Known(written={"web-1": TABLE}), (replace(WEB, app_type="spa"),), State.UNPICKED, ()),
    (Known(written={"web-1": TABLE}), (), State.GONE, ()),
    (Known(explicit={"mine": TABLE}), (), State.GONE, ()),
]


@pytest.mark.parametrize(("known", "clients", "state", "differs"), STATES)
def test_what_is_managed_is_told_by_its_client_id(
    known: Known, clients: tuple[Client, ...], state: State, differs: tuple[str, ...]
) -> None:
    only = one(*clients, known=known)
    assert (only.state, only.differs, only.name) == (state, differs, next(iter({**known.written, **known.explicit})))
    assert only.attention is (state is not State.MANAGED)


def test_clients_of_tenants_that_were_not_asked_stay_and_their_names_and_sinks_are_taken() -> None:
    other = {"tenant": "us", "client_id": "Z", "sinks": ["v://secret/apps/web-2"]}
    known = Known(written={"web-1": other})
    assert one(WEB, known=known).reason == "it would be clients.web-1, as another client is"
    assert one(client(2, "web-2"), known=known).state is State.COLLISION
    assert written(found(client(3, "web-3"), known=known), known, prune=True).keys() == {"web-1", "web-3"}


def test_what_no_rotation_takes_is_skipped_with_the_reason() -> None:
    for change, reason in (
        ({"app_type": "spa"}, "public client"), ({"auth_method": "none"}, "public client"),
        ({"is_global": True}, "global client"), ({"authentication_methods": ("private_key_jwt",)}, "private_key_jwt"),
        ({"alg": "HS256"}, "HS256"),
    ):  # fmt: skip
        skipped = one(replace(WEB, **change))
        assert (skipped.state, skipped.attention, reason in skipped.reason) == (State.SKIPPED, False, True), change
    assert one(WEB, own="Id1").state is State.SKIPPED
    accepting = replace(RULE, accept=frozenset({"self", "hs256"}))
    assert one(replace(WEB, alg="HS256"), own="Id1", rules=(accepting,)).state is State.NEW


def test_names_that_meet_are_given_to_nobody() -> None:
    for each in found(client(1, "web a"), client(2, "Web-A"), rules=(replace(RULE, match=("*",)),)):
        assert (each.state, each.name, each.table, each.attention) == (State.SKIPPED, None, None, True)


def test_a_name_is_not_the_client_id_of_another_application() -> None:
    rule = (replace(RULE, match=("*",)),)
    skipped, other = found(client(1, "id2"), client(2, "web-2"), rules=rule)
    assert (skipped.reason, other.state) == (
        "it would be clients.id2, which is the client id of another application", State.NEW,
    )  # fmt: skip
    known = Known(explicit={"x": {"tenant": "us", "client_id": "web-1", "sinks": []}})
    assert one(WEB, known=known).state is State.SKIPPED


def test_a_name_is_free_once_its_client_is_pruned() -> None:
    known = Known(written={"web-1": {**TABLE, "client_id": "Old"}})
    assert {each.state for each in found(WEB, known=known)} == {State.GONE, State.SKIPPED}
    pruned = found(WEB, known=known, prune=True)
    assert {each.state for each in pruned} == {State.GONE, State.NEW}
    assert written(pruned, known, prune=True) == {"web-1": TABLE}


def test_a_table_that_the_configuration_has_itself_leaves_the_file() -> None:
    known = Known(explicit={"mine": {**TABLE, "sinks": ["v://s/x"]}}, written={"web-1": TABLE})
    assert written(found(WEB, known=known), known, prune=False) == {}


def test_a_sink_of_another_client_or_its_lock_is_a_collision_that_names_it() -> None:
    rules = (replace(RULE, sinks=("v://secret/{metadata.team}",)),)
    first, second = found(client(1, "web-1"), client(2, "web-2"), rules=rules)
    assert first.reason == "it would have a sink in common with clients.web-2"
    assert (first.state, second.state) == (State.COLLISION, State.COLLISION)
    known = Known(explicit={"mine": {"tenant": "eu", "client_id": "X", "sinks": ["v://secret/apps/web-1#other"]}})
    assert found(WEB, known=known)[0].reason == "it would have a sink in common with clients.mine"
    locked = Known(explicit={"mine": {"tenant": "us", "client_id": "X", "sinks": ["v://secret/apps/web-1/pending"]}})
    assert one(WEB, known=locked).state is State.COLLISION


def test_a_client_with_one_sink_twice_or_a_bad_address_is_skipped() -> None:
    twice = replace(RULE, sinks=("v://secret/{name}", "v://secret/{metadata.team}"))
    assert one(replace(WEB, metadata={"team": "web-1"}), rules=(twice,)).reason.startswith("two of its sinks")
    api = replace(RULE, sinks=("v://secret/{metadata.team}/{name}",))
    assert "API path" in one(replace(WEB, metadata={"team": "data"}), rules=(api,)).reason


NAMES = {
    "web-1": "web-1", "Web Shop (EU)": "web-shop-eu", "a.b_c": "a.b_c", "  x  ": "x", "R&D: Portal": "r-d-portal",
    "web--x": "web-x", "a" * 64: "a" * 64,
}  # fmt: skip
REFUSED = (
    "", " ", "..", ".", "a..b", "../a", "a/b", "a\\b", "a#b", "a?b", "a%2fb", "{name}", "a\nb", "a\x00", "ä", "\u0430",
    "\u202eab", "_a", ".a", "a.", "a" * 65, "~a", '"a"', "a$b", "a*b", "<a>", "a`b`", "\ud800", "a\u00a0b", "a\tb",
)  # fmt: skip


@pytest.mark.parametrize(("application", "expected"), NAMES.items())
def test_a_name_becomes_a_word(application: str, expected: str) -> None:
    assert slug(application) == expected


@pytest.mark.parametrize("application", REFUSED)
def test_a_name_that_is_no_safe_word_is_not_mended(application: str) -> None:
    with pytest.raises(Unnameable):
        slug(application)
    skipped = one(replace(WEB, name=application), rules=(replace(RULE, match=("*",)),))
    assert (skipped.state, skipped.table, skipped.attention) == (State.SKIPPED, None, True)


@pytest.mark.parametrize("owner", ["", " ", "a\nb", "\x1b[2J", "x" * 65, "\u202ea"])
def test_what_only_people_read_is_a_line(owner: str) -> None:
    with pytest.raises(Unnameable, match="is not a line"):
        rendered_text("{metadata.team}", "web-1", replace(WEB, metadata={"team": owner}))
    assert rendered_text("{metadata.team}", "x", replace(WEB, metadata={"team": "Ärzte & Co"})) == "Ärzte & Co"


HOSTILE = st.text(st.sampled_from("ab./#?%\\{}:-_ \n\x00\u202eäA1~"), max_size=12) | st.text(max_size=20)


@given(st.lists(st.tuples(HOSTILE, HOSTILE, HOSTILE), max_size=6))
def test_no_name_leads_out_of_its_path_or_to_anothers(words: list[tuple[str, str, str]]) -> None:
    """However applications are named, each sink has the parts that the rule's author wrote, and belongs to one."""
    rule = replace(RULE, match=(), sinks=("v://secret/{metadata.team}/x/{name}",), policy={"owner": "{metadata.owner}"})
    clients = [
        client(number, name, metadata={"team": team, "owner": owner})
        for number, (name, team, owner) in enumerate(words)
    ]
    decided = found(*clients, rules=(rule,))
    assert sorted(each.client_id for each in decided) == sorted(each.client_id for each in clients)
    tables = written(decided, Known(), prune=False)
    used: set[Hashable] = set()
    for name, table in tables.items():
        (uri,) = table["sinks"]
        mount, team, fixed, last = parse(uri.removeprefix("v://")).path.split("/")
        assert (mount, fixed, last) == ("secret", "x", name)
        for part in (team, last, name):
            assert re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9_-]|\.(?!\.))*", part)
        assert table["owner"].isprintable()
        assert not used & set(places(uri))
        used |= set(places(uri))
    for each in decided:
        assert each.state in (State.NEW, State.SKIPPED, State.COLLISION)
        assert each.state is State.NEW or each.reason


def test_a_bad_address_of_a_client_that_is_there_is_not_this_commands_fault() -> None:
    def strict(uri: str) -> Collection[Hashable]:
        if "bad" in uri:
            raise BadAddress("bad")
        return places(uri)

    known = Known(written={"w": {"tenant": "us", "client_id": "Z", "sinks": ["bad://x"]}})
    (new,) = decide([Listing("eu", (WEB,))], (RULE,), known, strict)
    assert new.state is State.NEW
