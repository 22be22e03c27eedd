"""The least that tells a secret's versions: Typer, boto3, one description."""

import boto3
import typer


def main(name: str) -> None:
    """Print the versions of a secret."""
    told = boto3.client("secretsmanager").describe_secret(SecretId=name)
    for version, stages in told["VersionIdsToStages"].items():
        typer.echo(f"{version} {' '.join(stages)}")


typer.run(main)
