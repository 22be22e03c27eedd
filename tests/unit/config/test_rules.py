"""Rules in a file, and what is wrong with them."""

from __future__ import annotations

from typing import Any

import pytest

RULE = """
[[rules]]
tenant = "prod"
match = "web-*"
sinks = ["eu://secret/apps/{name}", "use1://{metadata.team}/{application}"]
owner = "{metadata.team}"
max_age = "30d"
after = ["restart", "{name}"]
"""


def test_a_rule_is_read_with_its_policy_in_the_words_of_the_file(load_text: Any, good: str) -> None:
    text = good.replace('strategy = "staged"', 'strategy = "auth0-generated"\naccept = ["hs256"]')
    more = RULE + 'exclude = ["a", "b"]\nmetadata = { a = "*" }\napp_type = ["regular_web"]\nname = "x-{application}"\n'
    first, second = load_text(text + RULE + more).rules
    assert (first.number, first.tenant, first.match, first.exclude) == (1, "prod", ("web-*",), ())
    assert first.policy == {"owner": "{metadata.team}", "max_age": "30d", "after": ["restart", "{name}"]}
    assert (first.strategy, first.accept, first.name) == ("auth0-generated", {"hs256"}, "{application}")
    assert (second.number, second.exclude, second.metadata) == (2, ("a", "b"), {"a": "*"})
    assert (second.app_type, second.name) == (("regular_web",), "x-{application}")
    assert load_text(text + RULE).clients.keys() == {"billing"}


ALL = 'rules[0]: expected match, metadata, app_type; match = ["*"] for all of the tenant'


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('tenant = "prod"\nmatch', 'tenant = "prd"\nmatch',
         'rules[0].tenant: found "prd", expected one of prod; did you mean prod?'),
        ('match = "web-*"\n', "", ALL),
        ('match = "web-*"', "match = []", ALL),
        ('match = "web-*"', "match = 7", "rules[0].match: found a number, expected a list"),
        ('match = "web-*"', 'matches = "web-*"\nmatch = "*"', "rules[0].matches: unknown key; did you mean match?"),
        ("eu://secret/apps/{name}", "ue://secret/apps/{name}",
         'rules[0].sinks[0]: no vault of that name: found "ue", expected one of eu, use1'),
        ("apps/{name}", "apps/{nam}",
         ('rules[0].sinks[0]: found "eu://secret/apps/{nam}", expected no other braces than those of {name}, '
          "{application}, {client_id}, {metadata.KEY}")),
        ("apps/{name}", "apps/{name", 'rules[0].sinks[0]: found "eu://secret/apps/{name", expected no other'),
        ("eu://secret/apps/{name}", "{name}://x", 'rules[0].sinks[0]: found "{name}://x", expected VAULT://PATH'),
        ('"restart", "{name}"', '"restart", "{x}"', 'rules[0].after[1]: found "{x}", expected no other braces than'),
        ('max_age = "30d"\nafter', "max_age = 30\nafter", "rules[0].max_age: found a number, expected a duration"),
        ('owner = "{metadata.team}"', 'name = "a/{application}"',
         'rules[0].name: found "a/{application}", expected letters, digits, _ . - and {application}'),
        ('owner = "{metadata.team}"', 'name = "{name}"', 'rules[0].name: found "{name}", expected letters'),
        ('owner = "{metadata.team}"', 'app_type = ["spa"]', 'rules[0].app_type[0]: found "spa", expected one of'),
        ('owner = "{metadata.team}"', "metadata = { a = 1 }", "rules[0].metadata.a: found a number, expected a text"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_rule_is_named(faults_of: Any, good: str, old: str, new: str, fault: str) -> None:
    text = good + RULE
    assert old in text
    (found,) = faults_of(text.replace(old, new))
    assert found.startswith(fault)


@pytest.mark.parametrize("name", ["../clients.toml", "/etc/clients.toml", "clients", "a b.toml", ".toml", "", "..toml"])
def test_the_file_of_discovered_clients_is_a_name(faults_of: Any, good: str, name: str) -> None:
    (found,) = faults_of(f'{good}[discover]\nfile = "{name}"\n')
    assert found.startswith(f'discover.file: found "{name}", expected the name of a file beside this one')


@pytest.mark.parametrize("table", ["rules = 7", "rules = [7]", "[rules]", "discover = 7", "[discover]", "[[discover]]"])
def test_tables_of_another_kind_are_faults_and_nothing_else_happens(faults_of: Any, good: str, table: str) -> None:
    assert faults_of(f"{table}\n{good}" if "=" in table else f"{good}{table}\n")
