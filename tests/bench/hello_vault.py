"""The least that tells a document's versions: Typer, hvac, one read of its metadata."""

import os

import hvac
import typer


def main(path: str) -> None:
    """Print the versions of a document."""
    client = hvac.Client(url=os.environ["VAULT_ADDR"], token=os.environ["VAULT_TOKEN"])
    told = client.secrets.kv.v2.read_secret_metadata(path, mount_point="secret")["data"]
    for number, version in told["versions"].items():
        typer.echo(f"{number} {version['created_time']}")


typer.run(main)
