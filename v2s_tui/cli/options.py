"""Options that several commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

Command = Callable[..., Any]


def config_option(command: Command) -> Command:
    """`--config`, after the command as well as before it."""
    return click.option(
        "--config", type=click.Path(path_type=Path), help="migration.yaml (else looked for)."
    )(command)


def format_option(*formats: str) -> Callable[[Command], Command]:
    """`--format`, the first is the default."""
    return click.option(
        "--format", "output_format", type=click.Choice(formats), default=formats[0], show_default=True
    )


def batch_id_option(*, required: bool) -> Callable[[Command], Command]:
    """`--batch-id`: eight hex digits."""
    help_text = "Which batch." if required else "Which batch (else the newest)."
    return click.option("--batch-id", required=required, help=help_text)


def chosen_config(ctx: click.Context, config: Path | None) -> Path | None:
    """`--config` wherever it was written."""
    return config or ctx.find_root().obj
