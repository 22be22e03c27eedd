"""What is refused, as the user sees it: exit status, message, the way out, and that nothing was changed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.command import Ended, invoke, on, sinks
from tests.e2e.observe import unsettled
from tests.e2e.world import MakeWorld, World
from tests.support.strict_moto import controls


def refused(world: World, ended: Ended, *fragments: str, status: int = 4) -> None:
    assert ended.status == status, ended.told
    for fragment in fragments:
        assert fragment in ended.err, ended.told
    assert world.s0 not in ended.told
    word = {1: "failed", 4: "refused"}[status]
    assert ended.out.splitlines()[-1] == f"result={word} client={world.client_id} exit={status}"


def adopted(world: World) -> World:
    world.fill()
    done = on(world, "adopt", "--yes")
    assert done.status == 0, done.told
    return world


KINDS = {
    "none": ("public client", "it uses no secret"),
    "spa": ("public client", "a spa application"),
    "native": ("public client", "a native application"),
    "private_key_jwt": ("authenticates by private_key_jwt, not by a secret",),
    "global": ("global client", "only Auth0's support"),
    "hs256": ("HS256", 'accept = ["hs256"]'),
    "no_alg": ("HS256",),
    "absent": ("HS256",),
}


@pytest.mark.parametrize("kind", list(KINDS))
def test_clients_whose_secret_must_not_be_rotated_are_refused_with_the_reason(make_hasty: MakeWorld, kind: str) -> None:
    world = make_hasty(kind=kind)
    before = world.dump()
    refused(world, on(world, "rotate"), *KINDS[kind], "Nothing was changed")
    assert world.dump() == before


def test_hs256_can_be_consented_to(make_hasty: MakeWorld) -> None:
    world = make_hasty(kind="hs256")
    done = on(world, "rotate", "--accept-hs256", "--no-wait", "--yes")
    assert done.status == 0, done.told
    assert world.live != world.s0


def test_hs256_is_no_matter_for_a_client_that_cannot_get_id_tokens(make_hasty: MakeWorld) -> None:
    world = make_hasty(kind="machine", jwt_configuration={"alg": "HS256"})
    done = on(world, "rotate", "--no-wait", "--yes")
    assert done.status == 0, done.told


def test_the_bridges_own_application_is_rotated_only_when_that_is_said(hasty: World) -> None:
    own = hasty.own.client_id
    ended = invoke("rotate", own, *sinks(hasty))
    assert ended.status == 4
    assert "the application that the bridge itself acts as" in ended.err
    assert "--allow-self" in ended.err
    assert hasty.tenant.secret(own) == hasty.own.client_secret
    allowed = invoke("rotate", own, *sinks(hasty), "--allow-self", "--no-wait", "--yes")
    assert allowed.status == 0, allowed.told
    assert hasty.tenant.secret(own) == hasty.vault.see().current != hasty.own.client_secret


def test_a_base64_secret_is_not_left_to_auth0(make_hasty: MakeWorld) -> None:
    world = make_hasty(kind="secret_encoded")
    ended = on(world, "rotate", "--strategy", "auth0-generated")
    refused(world, ended, "secret_encoded", "use the strategy 'staged'")
    assert world.live == world.s0


def test_places_that_are_not_managed_are_refused_with_the_command_that_adopts_them(hasty: World) -> None:
    hasty.fill()
    before = hasty.dump()
    command = f"secret-bridge adopt {hasty.client_id} --sink {hasty.aws.uri} --sink {hasty.vault.uri}"
    refused(hasty, on(hasty, "rotate"), f"{hasty.vault.uri} exists (v2) and is not managed", hasty.aws.uri, command)
    assert hasty.dump() == before


def test_the_command_that_is_named_keeps_what_was_typed_behind_the_places(make_hasty: MakeWorld) -> None:
    world = make_hasty(key="auth0_secret", bare=True)
    world.fill()
    err = on(world, "rotate").err
    assert f"--sink '{world.vault.uri}#auth0_secret'" in err
    assert f"--sink '{world.aws.uri}?bare'" in err


@pytest.mark.parametrize("index", [0, 1], ids=["vault", "aws"])
@pytest.mark.parametrize("verb", ["rotate", "adopt"])
def test_places_of_another_manager_are_refused(hasty: World, verb: str, index: int) -> None:
    hasty.fill()
    hasty.sinks[index].tag("managed-by", "external-secrets")
    before = hasty.dump()
    options = ("--adopt",) if verb == "rotate" else ("--yes",)
    refused(hasty, on(hasty, verb, *options), f"{hasty.sinks[index].uri} is managed by 'external-secrets'")
    assert hasty.dump() == before


def test_another_list_of_places_than_the_adopted_one_is_refused(hasty: World) -> None:
    adopted(hasty)
    before = hasty.dump()
    ended = invoke("rotate", hasty.client_id, "--sink", hasty.vault.uri)
    refused(
        hasty, ended, f"belongs to the list of sinks '{hasty.aws.uri} {hasty.vault.uri}'", f"names '{hasty.vault.uri}'"
    )
    assert hasty.dump() == before


def test_a_long_list_of_places_is_told_from_a_shorter_one(hasty: World) -> None:
    five = [f"{hasty.vault.uri}-a-rather-long-name-of-a-sink-{number}" for number in range(5)]
    words = [word for uri in five for word in ("--sink", uri)]
    done = invoke("rotate", hasty.client_id, *words, "--no-wait", "--yes")
    assert done.status == 0, done.told
    value = hasty.live
    ended = invoke("rotate", hasty.client_id, *words[:8])
    refused(hasty, ended, "belongs to the list of sinks")
    assert hasty.live == value


def test_a_missing_key_lists_the_names_of_the_keys_there_and_nothing_else(make_hasty: MakeWorld) -> None:
    world = make_hasty(key="auth0_secret")
    world.fill()
    before = world.dump()
    words = [word for place in world.sinks for word in ("--sink", place.uri)]
    ended = invoke("adopt", world.client_id, *words, "--yes")
    keys = "Keys there: auth0_secret, db_url, nested, smtp_host"
    refused(world, ended, f"no key 'client_secret' in {world.vault.uri}. {keys}", f"{world.vault.uri}#auth0_secret")
    assert "postgres" not in ended.told
    assert world.dump() == before


def test_a_wrong_key_is_not_overwritten_by_an_adoption(make_hasty: MakeWorld) -> None:
    world = make_hasty(key="auth0_secret")
    world.fill()
    before = world.dump()
    words = [word for place in world.sinks for word in ("--sink", place.uri)]
    ended = invoke("adopt", world.client_id, *words, "--key", "db_url", "--yes")
    refused(world, ended, f"Auth0 does not accept the value at 'db_url' in {world.vault.uri}", "--repair")
    assert world.dump() == before


@pytest.mark.parametrize("index", [0, 1], ids=["vault", "aws"])
def test_a_key_that_somebody_took_away_is_not_rotated(hasty: World, index: int) -> None:
    adopted(hasty)
    hasty.sinks[index].edit("client_secret", None)
    before = hasty.dump()
    refused(hasty, on(hasty, "rotate"), f"the key 'client_secret' in {hasty.sinks[index].uri} holds null")
    assert hasty.dump() == before


@pytest.mark.parametrize("index", [0, 1], ids=["vault", "aws"])
def test_over_a_value_that_somebody_else_stored_what_auth0_accepts_is_published_and_rotated(
    hasty: World, index: int
) -> None:
    adopted(hasty)
    hasty.sinks[index].edit("client_secret", "another-value")
    refused(hasty, on(hasty, "retire"), f"{hasty.sinks[index].uri}", "has drifted", f"sync {hasty.client_id} --sink")
    assert on(hasty, "rotate", "--no-wait").status == 0
    assert hasty.live != hasty.s0
    assert {place.see().current for place in hasty.sinks} == {hasty.live}


def test_drift_is_repaired_by_the_command_that_is_named(hasty: World) -> None:
    adopted(hasty)
    hasty.vault.edit("client_secret", "another-value")
    ended = on(hasty, "retire")
    refused(hasty, ended, "has drifted", f"sync {hasty.client_id} --sink")
    assert on(hasty, "sync").status == 0
    assert hasty.vault.see().current == hasty.s0
    assert on(hasty, "rotate", "--no-wait").status == 0


def test_a_change_at_the_dashboard_is_published_and_nothing_is_rotated(hasty: World) -> None:
    adopted(hasty)
    value = hasty.tenant.set_in_dashboard(hasty.client_id)
    hasty.spread()
    ended = on(hasty, "rotate", "--no-wait")
    assert ended.status == 0, ended.told
    assert "published what Auth0 accepts" in ended.out
    assert "not rotating again" in ended.out
    assert hasty.live == value
    assert [(seen.current, seen.fallback) for seen in (place.see() for place in hasty.sinks)] == [(value, hasty.s0)] * 2


def test_a_change_at_the_dashboard_that_cannot_be_read_is_refused_and_destroys_nothing(make_hasty: MakeWorld) -> None:
    world = adopted(make_hasty(scopes=("read:clients", "update:client_keys")))
    value = world.tenant.set_in_dashboard(world.client_id)
    world.spread()
    before = [place.see() for place in world.sinks]
    hint = f"sync {world.client_id} --sink {world.aws.uri} --sink {world.vault.uri} --secret-stdin"
    refused(world, on(world, "rotate"), "accepts none of the values that are stored", hint, status=1)
    assert world.live == value
    after = [place.see() for place in world.sinks]
    assert [(p.current, p.fallback, p.readable) for p in after] == [(p.current, p.fallback, p.readable) for p in before]
    assert unsettled(world) == []
    assert on(world, "sync", "--secret-stdin", typed=f"{value}\n").status == 0
    assert {place.see().current for place in world.sinks} == {value}


def test_a_missing_scope_is_named_before_anything_is_changed(make_hasty: MakeWorld) -> None:
    world = make_hasty(scopes=("read:clients", "read:client_keys"))
    before = world.dump()
    refused(world, on(world, "rotate"), "lacks the scope update:client_keys", status=1)
    assert world.dump() == before


def test_empty_places_need_the_scope_that_reads_the_live_value_or_another_way(make_hasty: MakeWorld) -> None:
    world = make_hasty(scopes=("read:clients", "update:client_keys"))
    before = world.dump()
    ended = on(world, "rotate")
    refused(world, ended, "lacks the scope read:client_keys", "--secret-stdin", "--without-fallback")
    assert world.dump() == before
    assert on(world, "rotate", "--without-fallback", "--no-wait", "--yes").status == 0


def test_the_live_value_can_be_piped_in_instead(make_hasty: MakeWorld) -> None:
    world = make_hasty(scopes=("read:clients", "update:client_keys"))
    wrong = on(world, "adopt", "--secret-stdin", "--yes", typed="not-the-secret\n")
    refused(world, wrong, "the value from standard input is not the one that Auth0 accepts")
    done = on(world, "adopt", "--secret-stdin", "--yes", typed=f"{world.s0}\n")
    assert done.status == 0, done.told
    assert {place.see().current for place in world.sinks} == {world.s0}


def test_a_wrong_mount_is_named(hasty: World) -> None:
    ended = invoke("rotate", hasty.client_id, "--sink", "vault://nowhere/apps/billing")
    refused(hasty, ended, "no mount serves 'nowhere/apps/billing'", "bao secrets list")
    assert hasty.live == hasty.s0


def test_an_unknown_client_and_wrong_credentials_are_told_apart(hasty: World, monkeypatch: pytest.MonkeyPatch) -> None:
    unknown = invoke("rotate", "Unknown", "--sink", hasty.vault.uri)
    assert (unknown.status, "no application Unknown" in unknown.err) == (1, True)
    monkeypatch.setenv("AUTH0_CLIENT_SECRET", "wrong")
    wrong = on(hasty, "rotate")
    refused(hasty, wrong, "does not accept the bridge's own credentials", hasty.own.client_id, status=1)


def test_a_secret_that_aws_is_going_to_delete_is_refused(hasty: World) -> None:
    adopted(hasty)
    hasty.aws.client.delete_secret(SecretId=hasty.aws.name)
    refused(hasty, on(hasty, "rotate"), f"{hasty.aws.uri} is scheduled for deletion", "restore-secret")
    assert hasty.live == hasty.s0


def test_a_text_without_keys_is_refused_with_the_way_to_say_so(hasty: World) -> None:
    hasty.aws.client.create_secret(Name=hasty.aws.name, SecretString=hasty.s0)
    refused(hasty, on(hasty, "adopt", "--yes"), "holds a text that is no set of keys", "?bare")


def test_a_document_that_vault_would_delete_is_refused(hasty: World) -> None:
    adopted(hasty)
    hasty.vault.kv.update_metadata(hasty.vault.path, delete_version_after="24h")
    refused(hasty, on(hasty, "rotate"), "delete_version_after is 24h0m0s on the key", "-delete-version-after=0s")
    assert hasty.live == hasty.s0


POLICY = """path "secret/data/apps/*" { capabilities = ["create", "read", "update"] }
path "secret/metadata/apps/*" { capabilities = ["read"] }
path "secret/destroy/apps/*" { capabilities = ["update"] }"""


def test_a_token_that_may_not_change_the_place_is_refused_naming_path_and_capability(
    hasty: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    adopted(hasty)
    client: Any = hasty.vault.kv._adapter
    client.put("/v1/sys/policies/acl/reader", json={"policy": POLICY})
    token = client.post("/v1/auth/token/create", json={"policies": ["reader"]})["auth"]["client_token"]
    monkeypatch.setenv("VAULT_TOKEN", token)
    before = hasty.dump()
    refused(hasty, on(hasty, "rotate"), f"patch on secret/metadata/{hasty.vault.path}", status=1)
    assert hasty.dump() == before
    assert unsettled(hasty) == []


def test_consent_is_asked_for_and_without_a_terminal_it_is_refused(hasty: World) -> None:
    hasty.fill()
    before = hasty.dump()
    refused(hasty, on(hasty, "adopt"), "there is no terminal", "add --yes")
    assert hasty.dump() == before


def test_usage_errors_name_everything_at_once(hasty: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AUTH0_DOMAIN")
    monkeypatch.delenv("VAULT_ADDR")
    ended = on(hasty, "rotate")
    assert ended.status == 2
    assert "AUTH0_DOMAIN" in ended.err
    assert "VAULT_ADDR is not set" in ended.err


def test_a_secret_with_too_many_tags_of_its_own_is_refused_and_nothing_is_left_there(hasty: World) -> None:
    hasty.fill()
    for number in range(25):
        hasty.aws.tag(f"theirs-{number}", "x")
    before = hasty.dump()
    refused(hasty, on(hasty, "adopt", "--yes"), "tags of its own; AWS takes 50", "remove ", "Nothing was changed")
    assert hasty.dump() == before


def test_a_secret_that_aws_rotates_itself_is_refused_with_the_way_to_the_bridge(hasty: World) -> None:
    hasty.fill()
    before = hasty.dump()
    controls.described = {"Type": "Auth0OAuthClientSecret", "RotationEnabled": True}
    refused(
        hasty,
        on(hasty, "adopt", "--yes"),
        "managed external secret (Type Auth0OAuthClientSecret)",
        "cancel-rotate-secret",
        "#clientSecret",
        "Nothing was changed",
    )
    controls.described = {}
    assert hasty.dump() == before


def test_an_endpoint_in_clear_text_is_refused_before_anything_is_sent(
    hasty: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = hasty.dump()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.evil.example:4566")
    ended = on(hasty, "rotate")
    assert ended.status == 2, ended.told
    assert "plain http:// is for loopback only" in ended.err
    assert hasty.dump() == before
