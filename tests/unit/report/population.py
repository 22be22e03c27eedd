"""Clients of every kind, made up: what the vaults' metadata could say of five or of thousands."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from random import Random

import sinks.aws
import sinks.vault
from bridge.cli.output import json as as_json
from bridge.config.settings import ClientSettings, Exemption, Settings, VaultSettings
from bridge.model.client_ref import ClientRef
from bridge.model.tenant import TenantSettings
from bridge.report.figures import Looked, Report, Unread, rows, sources
from bridge.report.page import page
from sinks.port import History, Lock, Record, SinkState, Stage, Version

NOW = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
DENIED = "AWS denied secretsmanager:DescribeSecret"
SCRIPT = "<script>document.title='owned'</script>"
OWNERS = ("team-billing", "team-orders", "team-identity", "platform", "data", "mobile", None)
SETTINGS = Settings(
    tenants={"prod": TenantSettings("prod", "acme.eu.auth0.com")},
    vaults={
        "eu": VaultSettings("eu", "vault", sinks.vault.Settings("https://vault.eu.example:8200")),
        "use1": VaultSettings("use1", "aws", sinks.aws.Settings(region="us-east-1")),
    },
)
FEW = ("payments", "legacy-crm", "orders", "billing", "mailer")
MANY = ("checkout", "ledger", "search", "crm", "mailer", "invoice", "partner", "stock", "gateway", "claims", "audit")


def client(name: str, **more: object) -> ClientSettings:
    sinks = (f"eu://secret/apps/{name}", f"use1://apps/{name}")
    settings = {"client_id": f"{abs(hash(name)):x}"[:10], "tenant": "prod", "sinks": sinks, "owner": "team-billing"}
    return ClientSettings(name=name, **{**settings, **more})  # type: ignore[arg-type]  # as a test says


def place(
    settings: ClientSettings, uri: str, age: timedelta, *, fallback: timedelta | None = None,
    rotation: str = "r-5c1f88a0", held: timedelta | None = None, older: int = 2, at_least: bool = False, edits: int = 0,
) -> SinkState:  # fmt: skip
    """A managed sink. `held`: how long ago an operation began that counts as live for a minute."""
    promoted = NOW - age
    stages = [Stage.RETIRED] * older + ([Stage.FALLBACK] if fallback is not None else [Stage.RETIRED]) + [Stage.CURRENT]
    aws = uri.startswith("use1")
    versions = tuple(
        Version(
            f"{number:08x}-5813-4e2b-9d51-0c2b7f3e{number:04x}" if aws else str(number),
            stage,
            promoted - (len(stages) - number) * 83 * DAY,
        )
        for number, stage in enumerate(stages, 1)
    )
    lock = None
    if held is not None:
        began = NOW - held
        lock = Lock("rotate", "r-91c0aa12", "github:acme/ops/runs/4711", began, began + timedelta(minutes=1),
                    settings.client_id, "acme.eu.auth0.com", settings.sinks)  # fmt: skip
    log = tuple(f"r-{n}c1f88a0 {(promoted - n * 83 * DAY):%Y-%m-%dT%H:%M:%S.000Z} rotate ci@acme" for n in range(3))
    record = Record(settings.client_id, "acme.eu.auth0.com", tuple(sorted(settings.sinks)), rotation, promoted,
                    age_is_minimum=at_least, log=log)  # fmt: skip
    return SinkState(uri, NOW, exists=True, history=History(versions), manager="secret-bridge", record=record,
                 lock=lock, unsettled=lock is not None, edits=edits,
                 room=None if aws or fallback is None else 16 - edits)  # fmt: skip


def looked(settings: ClientSettings, *sinks: SinkState, unread: tuple[Unread, ...] = ()) -> Looked:
    return Looked(settings, ClientRef(settings.client_id, "", settings.name, settings.sinks), sinks, unread)


def both(settings: ClientSettings, age: timedelta, **more: object) -> Looked:
    return looked(settings, *(place(settings, uri, age, **more) for uri in settings.sinks))  # type: ignore[arg-type]


def few() -> list[Looked]:
    """Five: interrupted, due for long, its fallback overdue, fine, and one whose name is an attack."""
    until = Exemption("ciso", "the vendor's reader is replaced in January", date(2027, 1, 31))
    attack = client(SCRIPT, owner="<b>ow</b>ner", client_id=SCRIPT)
    return [
        both(client("payments"), 30 * DAY, fallback=30 * DAY, held=2 * HOUR),
        both(client("legacy-crm", owner="team-crm", exception=until), 412 * DAY, at_least=True, older=0),
        both(client("orders", owner="team-orders"), 16 * DAY, fallback=16 * DAY),
        both(client("billing"), 3 * HOUR, fallback=3 * HOUR, edits=1),
        looked(attack, place(attack, attack.sinks[0], 40 * DAY),
               unread=(Unread(attack.sinks[1], f"<img src=x> {DENIED}"),)),
    ]  # fmt: skip


def many(number: int) -> list[Looked]:
    """Thousands, most of them fine."""
    random = Random(7)  # the same ones each time
    return [one(f"{random.choice(MANY)}-{index:04d}", random) for index in range(number)]


def one(name: str, random: Random) -> Looked:
    settings = client(name, owner=random.choice(OWNERS), client_id=f"{random.getrandbits(64):016x}")
    age = timedelta(days=random.randrange(85), hours=random.randrange(24))
    match random.randrange(60):
        case 0:
            return both(settings, age, held=2 * HOUR, fallback=age)
        case 1:
            return looked(settings, place(settings, settings.sinks[0], age),
                          unread=(Unread(settings.sinks[1], DENIED),))  # fmt: skip
        case 2:
            return looked(
                settings, *(place(settings, uri, age, rotation=f"r-{n}000000") for n, uri in enumerate(settings.sinks))
            )
        case 3 | 4:
            return both(settings, age + 15 * DAY, fallback=age + 15 * DAY)
        case 5 | 6 | 7:
            return both(settings, age + 90 * DAY, at_least=random.random() < 0.5)
        case 8:
            granted = Exemption("ciso", "the vendor's reader is replaced in January", date(2027, 1, 31))
            return both(client(name, owner=settings.owner, exception=granted), age + 90 * DAY)
        case 9:
            return looked(settings, *(SinkState(uri, NOW, exists=False) for uri in settings.sinks))
        case 10:
            return looked(settings, *(SinkState(uri, NOW, exists=True) for uri in settings.sinks))
        case 11:
            return both(settings, age, held=timedelta(seconds=20))
        case other:
            fresh = timedelta(hours=random.randrange(300))
            return both(settings, fresh, fallback=fresh) if other < 25 else both(settings, age)


def report(found: list[Looked], evidence: dict[str, tuple[str, ...]] | None = None) -> Report:
    judged = rows(found, NOW, evidence or {})
    return Report(NOW, "0.1.0", "github:acme/ops/runs/4711", "bridge.toml", judged,
                  sources((SETTINGS, each) for each in found))  # fmt: skip


def html(made: Report) -> str:
    return "".join(page(made, [as_json.line(as_json.report(row)) for row in made.rows]))
