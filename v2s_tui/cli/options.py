"""Options that several commands share."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource
from click.shell_completion import CompletionItem

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


def format_of_file(ctx: click.Context, output: Path | None, formats: Mapping[str, str]) -> str:
    """What `--format` says; where it says nothing, what the ending of the output file asks for."""
    asked: str = ctx.params["output_format"]
    left_open = ctx.get_parameter_source("output_format") is ParameterSource.DEFAULT
    return formats.get(output.suffix.lower(), asked) if output is not None and left_open else asked


class _BatchId(click.ParamType):  # type: ignore[type-arg]  # generic in newer clicks only
    """Eight hex digits; who gives none, or another word, hears where ids are shown."""

    name = "id"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not re.fullmatch(r"[0-9a-f]{8}", str(value)):
            self.fail(f"{value!r} is no batch id; `v2s batch list` shows them.", param, ctx)
        return str(value)

    def get_missing_message(self, param: click.Parameter, ctx: click.Context | None) -> str:
        return "`v2s batch list` shows which there are."

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Batches of the work folder, newest first; none where the configuration cannot be read."""
        from v2s_tui.config.load import load_config
        from v2s_tui.domain.errors import V2sError

        try:
            settings = load_config(chosen_config(ctx, ctx.params.get("config")))
        except V2sError:
            return []
        states = (settings.conversion.work_dir / "batch-state").glob(f"batch-{incomplete}*.json")
        newest_first = sorted(states, key=lambda path: path.stat().st_mtime, reverse=True)
        return [CompletionItem(path.stem.removeprefix("batch-")) for path in newest_first]


def batch_id_option(*, required: bool, otherwise: str = "the newest") -> Callable[[Command], Command]:
    """`--batch-id`: eight hex digits. otherwise: which batch is taken without it."""
    help_text = "Which batch." if required else f"Which batch (else {otherwise})."
    return click.option("--batch-id", type=_BatchId(), required=required, help=help_text)


def chosen_config(ctx: click.Context, config: Path | None) -> Path | None:
    """`--config` wherever it was written."""
    return config or ctx.find_root().obj
