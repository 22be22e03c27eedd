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
def test_clients_whose_secret_must_not_be_rotated_are_refused_with_the_reason(make_live: MakeWorld, kind: str) -> None:
    world = make_live(kind=kind)
    before = world.dump()
    refused(world, on(world, "rotate"), *KINDS[kind], "Nothing was changed")
    assert world.dump() == before


def test_hs256_can_be_consented_to(make_live: MakeWorld) -> None:
    world = make_live(kind="hs256")
    done = on(world, "rotate", "--accept-hs256", "--no-wait", "--yes")
    assert done.status == 0, done.told
    assert world.live != world.s0


def test_hs256_is_no_matter_for_a_client_that_cannot_get_id_tokens(make_live: MakeWorld) -> None:
    world = make_live(kind="machine", jwt_configuration={"alg": "HS256"})
    done = on(world, "rotate", "--no-wait", "--yes")
    assert done.status == 0, done.told


def test_the_bridges_own_application_is_rotated_only_when_that_is_said(live: World) -> None:
    own = live.own.client_id
    ended = invoke("rotate", own, *sinks(live))
    assert ended.status == 4
    assert "the application that the bridge itself acts as" in ended.err
    assert "--allow-self" in ended.err
    assert live.tenant.secret(own) == live.own.client_secret
    allowed = invoke("rotate", own, *sinks(live), "--allow-self", "--no-wait", "--yes")
    assert allowed.status == 0, allowed.told
    assert live.tenant.secret(own) == live.vault.see().current != live.own.client_secret


def test_a_base64_secret_is_not_left_to_auth0(make_live: MakeWorld) -> None:
    world = make_live(kind="secret_encoded")
    ended = on(world, "rotate", "--strategy", "auth0-generated")
    refused(world, ended, "secret_encoded", "use the strategy 'staged'")
    assert world.live == world.s0


def test_places_that_are_not_managed_are_refused_with_the_command_that_adopts_them(live: World) -> None:
    live.fill()
    before = live.dump()
    command = f"secret-bridge adopt {live.client_id} --sink {live.aws.uri} --sink {live.vault.uri}"
    refused(live, on(live, "rotate"), f"{live.vault.uri} exists (v2) and is not managed", live.aws.uri, command)
    assert live.dump() == before


def test_the_command_that_is_named_keeps_what_was_typed_behind_the_places(make_live: MakeWorld) -> None:
    world = make_live(key="auth0_secret", bare=True)
    world.fill()
    err = on(world, "rotate").err
    assert f"--sink '{world.vault.uri}#auth0_secret'" in err
    assert f"--sink '{world.aws.uri}?bare'" in err


@pytest.mark.parametrize("index", [0, 1], ids=["vault", "aws"])
@pytest.mark.parametrize("verb", ["rotate", "adopt"])
def test_places_of_another_manager_are_refused(live: World, verb: str, index: int) -> None:
    live.fill()
    live.sinks[index].tag("managed-by", "external-secrets")
    before = live.dump()
    options = ("--adopt",) if verb == "rotate" else ("--yes",)
    refused(live, on(live, verb, *options), f"{live.sinks[index].uri} is managed by 'external-secrets'")
    assert live.dump() == before


def test_another_list_of_places_than_the_adopted_one_is_refused(live: World) -> None:
    adopted(live)
    before = live.dump()
    ended = invoke("rotate", live.client_id, "--sink", live.vault.uri)
    refused(live, ended, f"belongs to the list of sinks '{live.aws.uri} {live.vault.uri}'", f"names '{live.vault.uri}'")
    assert live.dump() == before


def test_a_long_list_of_places_is_told_from_a_shorter_one(live: World) -> None:
    five = [f"{live.vault.uri}-a-rather-long-name-of-a-sink-{number}" for number in range(5)]
    words = [word for uri in five for word in ("--sink", uri)]
    done = invoke("rotate", live.client_id, *words, "--no-wait", "--yes")
    assert done.status == 0, done.told
    value = live.live
    ended = invoke("rotate", live.client_id, *words[:8])
    refused(live, ended, "belongs to the list of sinks")
    assert live.live == value


def test_a_missing_key_lists_the_names_of_the_keys_there_and_nothing_else(make_live: MakeWorld) -> None:
    world = make_live(key="auth0_secret")
    world.fill()
    before = world.dump()
    words = [word for place in world.sinks for word in ("--sink", place.uri)]
    ended = invoke("adopt", world.client_id, *words, "--yes")
    keys = "Keys there: auth0_secret, db_url, nested, smtp_host"
    refused(world, ended, f"no key 'client_secret' in {world.vault.uri}. {keys}", f"{world.vault.uri}#auth0_secret")
    assert "postgres" not in ended.told
    assert world.dump() == before


def test_a_wrong_key_is_not_overwritten_by_an_adoption(make_live: MakeWorld) -> None:
    world = make_live(key="auth0_secret")
    world.fill()
    before = world.dump()
    words = [word for place in world.sinks for word in ("--sink", place.uri)]
    ended = invoke("adopt", world.client_id, *words, "--key", "db_url", "--yes")
    refused(world, ended, f"Auth0 does not accept the value at 'db_url' in {world.vault.uri}", "--repair")
    assert world.dump() == before


@pytest.mark.parametrize("index", [0, 1], ids=["vault", "aws"])
def test_a_key_that_somebody_took_away_is_not_rotated(live: World, index: int) -> None:
    adopted(live)
    live.sinks[index].edit("client_secret", None)
    before = live.dump()
    refused(live, on(live, "rotate"), f"the key 'client_secret' in {live.sinks[index].uri} holds null")
    assert live.dump() == before


@pytest.mark.parametrize("index", [0, 1], ids=["vault", "aws"])
def test_over_a_value_that_somebody_else_stored_what_auth0_accepts_is_published_and_rotated(
    live: World, index: int
) -> None:
    adopted(live)
    live.sinks[index].edit("client_secret", "another-value")
    refused(live, on(live, "retire"), f"{live.sinks[index].uri}", "has drifted", f"sync {live.client_id} --sink")
    assert on(live, "rotate", "--no-wait").status == 0
    assert live.live != live.s0
    assert {place.see().current for place in live.sinks} == {live.live}


def test_drift_is_repaired_by_the_command_that_is_named(live: World) -> None:
    adopted(live)
    live.vault.edit("client_secret", "another-value")
    ended = on(live, "retire")
    refused(live, ended, "has drifted", f"sync {live.client_id} --sink")
    assert on(live, "sync").status == 0
    assert live.vault.see().current == live.s0
    assert on(live, "rotate", "--no-wait").status == 0


def test_a_change_at_the_dashboard_is_published_and_nothing_is_rotated(live: World) -> None:
    adopted(live)
    value = live.tenant.set_in_dashboard(live.client_id)
    live.spread()
    ended = on(live, "rotate", "--no-wait")
    assert ended.status == 0, ended.told
    assert "published what Auth0 accepts" in ended.out
    assert "not rotating again" in ended.out
    assert live.live == value
    assert [(seen.current, seen.fallback) for seen in (place.see() for place in live.sinks)] == [(value, live.s0)] * 2


def test_a_change_at_the_dashboard_that_cannot_be_read_is_refused_and_destroys_nothing(make_live: MakeWorld) -> None:
    world = adopted(make_live(scopes=("read:clients", "update:client_keys")))
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


def test_a_missing_scope_is_named_before_anything_is_changed(make_live: MakeWorld) -> None:
    world = make_live(scopes=("read:clients", "read:client_keys"))
    before = world.dump()
    refused(world, on(world, "rotate"), "lacks the scope update:client_keys", status=1)
    assert world.dump() == before


def test_empty_places_need_the_scope_that_reads_the_live_value_or_another_way(make_live: MakeWorld) -> None:
    world = make_live(scopes=("read:clients", "update:client_keys"))
    before = world.dump()
    ended = on(world, "rotate")
    refused(world, ended, "lacks the scope read:client_keys", "--secret-stdin", "--without-fallback")
    assert world.dump() == before
    assert on(world, "rotate", "--without-fallback", "--no-wait", "--yes").status == 0


def test_the_live_value_can_be_piped_in_instead(make_live: MakeWorld) -> None:
    world = make_live(scopes=("read:clients", "update:client_keys"))
    wrong = on(world, "adopt", "--secret-stdin", "--yes", typed="not-the-secret\n")
    refused(world, wrong, "the value from standard input is not the one that Auth0 accepts")
    done = on(world, "adopt", "--secret-stdin", "--yes", typed=f"{world.s0}\n")
    assert done.status == 0, done.told
    assert {place.see().current for place in world.sinks} == {world.s0}


def test_a_wrong_mount_is_named(live: World) -> None:
    ended = invoke("rotate", live.client_id, "--sink", "vault://nowhere/apps/billing")
    refused(live, ended, "no mount serves 'nowhere/apps/billing'", "bao secrets list")
    assert live.live == live.s0


def test_an_unknown_client_and_wrong_credentials_are_told_apart(live: World, monkeypatch: pytest.MonkeyPatch) -> None:
    unknown = invoke("rotate", "Unknown", "--sink", live.vault.uri)
    assert (unknown.status, "no application Unknown" in unknown.err) == (1, True)
    monkeypatch.setenv("AUTH0_CLIENT_SECRET", "wrong")
    wrong = on(live, "rotate")
    refused(live, wrong, "does not accept the bridge's own credentials", live.own.client_id, status=1)


def test_a_secret_that_aws_is_going_to_delete_is_refused(live: World) -> None:
    adopted(live)
    live.aws.client.delete_secret(SecretId=live.aws.name)
    refused(live, on(live, "rotate"), f"{live.aws.uri} is scheduled for deletion", "restore-secret")
    assert live.live == live.s0


def test_a_text_without_keys_is_refused_with_the_way_to_say_so(live: World) -> None:
    live.aws.client.create_secret(Name=live.aws.name, SecretString=live.s0)
    refused(live, on(live, "adopt", "--yes"), "holds a text that is no set of keys", "?bare")


def test_a_document_that_vault_would_delete_is_refused(live: World) -> None:
    adopted(live)
    live.vault.kv.update_metadata(live.vault.path, delete_version_after="24h")
    refused(live, on(live, "rotate"), "delete_version_after is 24h0m0s on the key", "-delete-version-after=0s")
    assert live.live == live.s0


POLICY = """path "secret/data/apps/*" { capabilities = ["create", "read", "update"] }
path "secret/metadata/apps/*" { capabilities = ["read"] }
path "secret/destroy/apps/*" { capabilities = ["update"] }"""


def test_a_token_that_may_not_change_the_place_is_refused_naming_path_and_capability(
    live: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    adopted(live)
    client: Any = live.vault.kv._adapter
    client.put("/v1/sys/policies/acl/reader", json={"policy": POLICY})
    token = client.post("/v1/auth/token/create", json={"policies": ["reader"]})["auth"]["client_token"]
    monkeypatch.setenv("VAULT_TOKEN", token)
    before = live.dump()
    refused(live, on(live, "rotate"), f"patch on secret/metadata/{live.vault.path}", status=1)
    assert live.dump() == before
    assert unsettled(live) == []


def test_consent_is_asked_for_and_without_a_terminal_it_is_refused(live: World) -> None:
    live.fill()
    before = live.dump()
    refused(live, on(live, "adopt"), "there is no terminal", "add --yes")
    assert live.dump() == before


def test_usage_errors_name_everything_at_once(live: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AUTH0_DOMAIN")
    monkeypatch.delenv("VAULT_ADDR")
    ended = on(live, "rotate")
    assert ended.status == 2
    assert "AUTH0_DOMAIN" in ended.err
    assert "VAULT_ADDR is not set" in ended.err


def test_a_secret_with_too_many_tags_of_its_own_is_refused_and_nothing_is_left_there(live: World) -> None:
    live.fill()
    for number in range(25):
        live.aws.tag(f"theirs-{number}", "x")
    before = live.dump()
    refused(live, on(live, "adopt", "--yes"), "tags of its own; AWS takes 50", "remove ", "Nothing was changed")
    assert live.dump() == before


def test_a_secret_that_aws_rotates_itself_is_refused_with_the_way_to_the_bridge(live: World) -> None:
    live.fill()
    before = live.dump()
    controls.described = {"Type": "Auth0OAuthClientSecret", "RotationEnabled": True}
    refused(
        live,
        on(live, "adopt", "--yes"),
        "managed external secret (Type Auth0OAuthClientSecret)",
        "cancel-rotate-secret",
        "#clientSecret",
        "Nothing was changed",
    )
    controls.described = {}
    assert live.dump() == before


def test_an_endpoint_in_clear_text_is_refused_before_anything_is_sent(
    live: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = live.dump()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.evil.example:4566")
    ended = on(live, "rotate")
    assert ended.status == 2, ended.told
    assert "plain http:// is for loopback only" in ended.err
    assert live.dump() == before
