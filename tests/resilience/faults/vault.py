"""Faults at Vault (a real OpenBao)."""

from __future__ import annotations

import hvac

from tests.resilience.faults.between import Between, Fault, Strike, answers, cut, drop, first, hang, page, truncate
from tests.resilience.faults.case import (
    LEAK,
    RETIRE,
    SET,
    V_CLAIM,
    V_DESTROY,
    V_DOC,
    V_LOOK,
    V_READ,
    V_TAG,
    V_WRITE,
    VAULT,
    WAITS,
    Case,
    Do,
    Left,
    in_dashboard,
    rotated,
)  # fmt: skip
from tests.resilience.faults.run import Run

AGAIN, RESUME, NOTHING = Do.AGAIN, Do.RESUME, Do.NOTHING
QUOTA = {"errors": ['request path "secret/": rate limit quota exceeded']}
BROKEN = {"errors": ["1 error occurred:\n\t* internal error\n\n"]}


def root(between: Between) -> hvac.Client:
    return hvac.Client(between.servers.bao.url, token=between.servers.bao.token)


def with_a_token(run: Run) -> None:
    """Give the bridge a Vault token of its own."""
    client = root(run.between)
    token = client.auth.token.create(policies=["root"], ttl="1h")["auth"]["client_token"]
    client.adapter.close()
    run.patch.setenv("VAULT_TOKEN", token)
    run.between.token = token


def revoke(between: Between) -> None:
    client = root(between)
    if between.token:
        client.auth.token.revoke(between.token)
        between.token = ""
    client.adapter.close()


def seal(between: Between) -> None:
    client = root(between)
    client.sys.seal()
    client.adapter.close()


def unseal(run: Run) -> None:
    bao = run.world.servers.bao
    key = bao.log_file.read_text().partition("Unseal Key: ")[2].split()[0]
    client = root(run.between)
    client.sys.submit_unseal_key(key)
    while True:  # the mount is ready a moment later than the server
        try:
            client.secrets.kv.v2.read_configuration()
            break
        except hvac.exceptions.VaultError:
            continue
    client.adapter.close()


def standby(status: int) -> Strike:
    return answers(status, {"errors": []})


READING = (
    Case("vault-429-once", 0, "rotated in", Left.DONE, NOTHING, (Fault(V_READ, answers(429, QUOTA), count=2),)),
    Case("vault-429", 1, "rate limit was reached (429)", Left.UNTOUCHED, AGAIN, (Fault(V_READ, answers(429, QUOTA)),)),
    Case("vault-5xx", 1, "Vault answered with an error", Left.UNTOUCHED, AGAIN, (Fault(V_READ, answers(500, BROKEN)),)),
    Case("vault-html", 1, "Vault answered with an error", Left.UNTOUCHED, AGAIN, (Fault(V_READ, page()),)),
    Case("vault-html-200", 1, "half an answer?", Left.UNTOUCHED, AGAIN, (Fault(V_READ, page(200)),)),
    Case("vault-truncated", 1, "half an answer?", Left.UNTOUCHED, AGAIN, (Fault(V_READ, truncate),)),
    Case("vault-half-answer", 1, "no connection", Left.UNTOUCHED, AGAIN, (Fault(V_READ, cut),)),
    Case("vault-reset-once", 0, "rotated in", Left.DONE, NOTHING, (Fault(V_READ, drop(reset=True), count=2),)),
    Case("vault-down", 1, "no connection", Left.UNTOUCHED, AGAIN, (Fault(VAULT, drop(reset=True)),)),
    Case("vault-timeout", 1, "no answer in time", Left.UNTOUCHED, AGAIN, (Fault(V_READ, hang()),), slow=True),
    Case("vault-redirect", 1, "a standby", Left.UNTOUCHED, AGAIN,
         (Fault(VAULT, answers(307, Location="https://127.0.0.1:9/v1/secret/config")),)),
    Case("vault-standby", 1, "Vault answered with an error", Left.UNTOUCHED, AGAIN, (Fault(VAULT, standby(473)),)),
    Case("vault-dr-secondary", 1, "Vault answered with an error", Left.UNTOUCHED, AGAIN, (Fault(VAULT, standby(472)),)),
    Case("vault-token-expired", 1, "expired", Left.UNTOUCHED, AGAIN,
         (Fault(V_READ, first(revoke)),), before=with_a_token, mend=with_a_token),
    Case("vault-sealed", 1, "Vault is sealed", Left.UNTOUCHED, AGAIN, (Fault(V_READ, first(seal), count=1),),
         mend=unseal),
)  # fmt: skip
CLAIMING = (
    Case("vault-claim-answer-lost", 0, "rotated in", Left.DONE, NOTHING,
         (Fault(V_CLAIM, drop(effect=True), count=1),)),
    Case("vault-claim-5xx-once", 0, "rotated in", Left.DONE, NOTHING, (Fault(V_CLAIM, answers(500, BROKEN), count=1),)),
    Case("vault-claim-5xx", 3, "it is not known whether", Left.GIVEN_BACK, RESUME,
         (Fault(V_CLAIM, answers(500, BROKEN)),), changes=0, fallback="older"),
    Case("vault-down-at-claim", 3, "it is not known whether", Left.GIVEN_BACK, RESUME,
         (Fault(VAULT, drop(reset=True), after="aws PutSecretValue"),), changes=0, fallback="older"),
    Case("vault-token-expired-at-claim", 1, "expired", Left.GIVEN_BACK, AGAIN,
         (Fault(V_CLAIM, first(revoke)),), before=with_a_token, mend=with_a_token),
    Case("vault-down-before-set", 3, "no connection", Left.HELD, RESUME,
         (Fault(VAULT, drop(reset=True), after=V_TAG + "/pending"),)),
    Case("vault-sealed-before-set", 3, "Vault is sealed", Left.HELD, RESUME,
         (Fault(V_LOOK, first(seal), after=V_TAG + "/pending", count=1),), mend=unseal),
    Case("vault-down-at-last-look", 0, "rotated in", Left.DONE, NOTHING,
         (Fault(V_LOOK, drop(), after=SET, count=3),)),
)  # fmt: skip
AFTER = (
    Case("vault-promote-answers-lost", 0, "rotated in", Left.DONE, NOTHING,
         (Fault(V_TAG, drop(effect=True), count=1), Fault(V_DOC, drop(effect=True), count=1))),
    Case("vault-promote-timeout-once", 0, "rotated in", Left.DONE, NOTHING,
         (Fault(V_DOC, hang(effect=True), count=1),), slow=True),
    Case("vault-down-at-promote", 3, "no connection", Left.HALF, RESUME,
         (Fault(VAULT, drop(reset=True), after=SET),)),
    Case("vault-timeout-at-promote", 3, "could not write", Left.HALF, RESUME, (Fault(V_DOC, hang()),), slow=True),
    Case("vault-5xx-at-promote", 3, "Vault answered with an error", Left.HALF, RESUME,
         (Fault(V_DOC, answers(500, BROKEN)),)),
    Case("vault-sealed-at-promote", 3, "Vault is sealed", Left.HALF, RESUME,
         (Fault(V_WRITE, first(seal), after=SET, count=1),), mend=unseal),
    Case("vault-standby-at-promote", 3, "a standby", Left.HALF, RESUME,
         (Fault(VAULT, answers(307, Location="https://127.0.0.1:9/v1/secret/config"), after=SET),)),
    Case("vault-token-expired-at-promote", 3, "expired", Left.HALF, RESUME,
         (Fault(VAULT, first(revoke), after=SET),), before=with_a_token, mend=with_a_token),
    Case("vault-down-at-release", 3, "no connection", Left.PUBLISHED, RESUME,
         (Fault(VAULT, drop(reset=True), after=V_DESTROY),), scene=rotated),
    Case("vault-down-before-settle", 0, "rotated in", Left.DONE, NOTHING,
         (Fault(VAULT, drop(reset=True), after=V_DESTROY + "/pending"),), command=WAITS),
    Case("vault-down-retire", 3, "it is not known whether", Left.GIVEN_BACK, RESUME,
         (Fault(VAULT, drop(reset=True), after="aws TagResource"),), command=RETIRE, scene=rotated,
         changes=0, fallback="older"),
    Case("vault-down-at-destroy", 3, "no connection", Left.MIXED, RESUME,
         (Fault(VAULT, drop(reset=True), after=V_DESTROY),), command=RETIRE, scene=rotated, changes=0, fallback=None),
    Case("vault-down-rollback", 3, "no connection", Left.HALF, RESUME,
         (Fault(VAULT, drop(reset=True), after=SET),), command=("rollback",), scene=rotated, changes=0),
    Case("vault-down-sync", 3, "no connection", Left.MIXED, RESUME,
         (Fault(VAULT, drop(reset=True), after=V_TAG + "/pending"),), command=("sync",),
         scene=in_dashboard, changes=0, fallback="current"),
    Case("vault-down-leak", 3, "no connection", Left.HALF, RESUME,
         (Fault(VAULT, drop(reset=True), after=SET),), command=LEAK, changes=2, fallback=None),
)  # fmt: skip
CASES = (*READING, *CLAIMING, *AFTER)
