"""The manual page v2s(1), written from the commands themselves.

`python .ci/generate_readme.py` writes it to v2s_tui/cli/v2s.1, from where a wheel installs it in share/man.
"""

from collections.abc import Iterator
from pathlib import Path

import click

from v2s_tui import __version__
from v2s_tui.cli.examples import EXAMPLES
from v2s_tui.cli.exit_codes import ExitCode
from v2s_tui.cli.main import cli
from v2s_tui.config.load import ENVIRONMENT, candidates

PAGE = Path(__file__).parents[1] / "v2s_tui" / "cli" / "v2s.1"
MEANINGS = {
    ExitCode.DONE: "all done",
    ExitCode.VM_FAILED: "at least one VM failed",
    ExitCode.WRONG_INPUT: "wrong usage, config, plan or input file",
    ExitCode.GATE: "stopped at a gate that needs an operator",
    ExitCode.BLOCKED: "pre-flight blocks, or the world refused before anything was started",
    ExitCode.INTERRUPTED: "interrupted",
}
SECRETS = ("VCENTER_PASSWORD", "SCW_ACCESS_KEY", "SCW_SECRET_KEY")
FILES = {
    "{work_dir}/batch-state/": "one state file and journal per batch (conversion.work_dir)",
    "~/.local/state/v2s/": "the app's session, its logs, the lab of v2s demo",
    "~/.cache/v2s/": "the libguestfs appliance and generated boot loaders",
}


def man_page() -> str:
    """The page in the man macros of groff. Nothing in it depends on the day or the machine."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    root = click.Context(cli, info_name="v2s")
    about, _, more = (cli.help or "").partition("\n\n")
    yield f'.TH V2S 1 "" "v2s {__version__}" "v2s"'
    yield from (".SH NAME", f"v2s \\- {_text(about.rstrip('.'))}")
    yield from (".SH SYNOPSIS", "\\fBv2s\\fR [\\fIOPTIONS\\fR] [\\fICOMMAND\\fR [\\fIARGS\\fR]...]")
    yield from (".SH DESCRIPTION", _text(about), ".PP", _text(more))
    yield ".SH OPTIONS"
    yield from _options(cli, root)
    yield ".SH COMMANDS"
    yield from _children(cli, root)
    yield from _tail()


def _children(group: click.Group, context: click.Context) -> Iterator[str]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is not None and not command.hidden:
            yield from _command(command, click.Context(command, info_name=name, parent=context))


def _command(command: click.Command, context: click.Context) -> Iterator[str]:
    usage = " ".join(command.collect_usage_pieces(context))
    yield f".SS {_text(context.command_path)} {_text(usage)}"
    yield _text(command.help or "")
    yield from _options(command, context)
    if isinstance(command, click.Group):
        yield from _children(command, context)


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    for option in command.get_params(context):
        record = option.get_help_record(context)
        if record is not None and "--help" not in option.opts:
            yield from (".TP", f"\\fB{_text(record[0])}\\fR", _text(record[1]) or "\\&")


def _tail() -> Iterator[str]:
    yield ".SH EXIT STATUS"
    for code, meaning in MEANINGS.items():
        yield from (".TP", f"\\fB{code.value}\\fR", meaning)
    yield ".SH FILES"
    searched = ", ".join(str(path).replace("/HOME/", "~/") for path in candidates({"HOME": "/HOME"}))
    yield from (".TP", "\\fBmigration.yaml\\fR", _text(f"the configuration, looked for in: {searched}"))
    for path, meaning in FILES.items():
        yield from (".TP", f"\\fB{_text(path)}\\fR", _text(meaning))
    yield from (
        ".SH ENVIRONMENT",
        _text(f"Where no file says otherwise: {', '.join((*ENVIRONMENT, *SECRETS))}."),
    )
    yield from (".PP", "V2S_ASCII=1 draws without Unicode, NO_COLOR without colours.")
    yield from (".SH EXAMPLES", ".nf", *map(_text, EXAMPLES["v2s"]), ".fi")


def _text(words: str) -> str:
    """Words on one line as groff prints them unchanged."""
    flat = " ".join(words.replace("\b", " ").split()) if "\n" in words else words.strip()
    escaped = flat.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped
