"""The least that a Typer command can be."""

import typer


def main(name: str, *, loud: bool = False) -> None:
    """Greet."""
    typer.echo(f"hello {name.upper() if loud else name}")


typer.run(main)
