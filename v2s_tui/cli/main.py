"""`v2s`: the app, the headless run, the commands. Heavy parts are imported by who needs them."""

import contextlib
import errno
import importlib
import sys
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click

from v2s_tui import __version__
from v2s_tui.cli.console import leave_quietly, say, take_any_letter
from v2s_tui.cli.examples import with_examples
from v2s_tui.cli.exit_codes import ExitCode, exit_code_of
from v2s_tui.domain.errors import V2sError

_COMMANDS = {
    "demo": ("v2s_tui.cli.lab", "demo", "The lab and the app on it: a whole migration in minutes."),
    "serve": ("v2s_tui.cli.serve", "serve", "The app in a browser, for people who cannot SSH."),
    "lab": ("v2s_tui.cli.lab", "lab", "Local vCenter, Object Storage and Scaleway API."),
    "inventory": ("v2s_tui.cli.inventory", "inventory", "List the VMs of the vCenter."),
    "inventory-plan": ("v2s_tui.cli.inventory", "inventory_plan", "Filter VMs, choose types, write a plan."),
    "plan": ("v2s_tui.cli.plan", "plan", "Check, show and compare plan files."),
    "batch": ("v2s_tui.cli.batch", "batch", "Estimate, run, resume and report batches."),
    "doctor": ("v2s_tui.cli.doctor", "doctor", "Check this host, vCenter and Scaleway; each with its fix."),
    "guest": ("v2s_tui.cli.disks", "guest", "What would be changed in a guest, from its disk files."),
    "disk": ("v2s_tui.cli.disks", "disk", "Compare a disk with the manifest of its content."),
    "leftovers": ("v2s_tui.cli.doctor", "leftovers", "What earlier runs left behind, with its monthly cost."),
}


class LazyGroup(click.Group):
    """Commands are imported when they are called, so that --help and --version stay quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order above."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command; None when there is none of that name."""
        if cmd_name not in _COMMANDS:
            return None
        module, attribute, _ = _COMMANDS[cmd_name]
        return with_examples(getattr(importlib.import_module(module), attribute), cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does it; an unknown command names the nearest known one."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            near = get_close_matches(args[0], _COMMANDS, n=1) if args else []
            if not near:
                raise
            raise click.UsageError(f"{error.message} Did you mean {near[0]!r}?", ctx) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list in --help, without importing anything."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, _, text) in _COMMANDS.items()])


@click.group(
    cls=LazyGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, "--version", prog_name="v2s")
@click.option("--config", type=click.Path(path_type=Path), help="migration.yaml (else looked for).")
@click.option("--session", default="default", show_default=True, help="The app's session to go on with.")
@click.option("--run", "plan", type=click.Path(path_type=Path), help="Run this plan headless.")
@click.option("--yes", "-y", is_flag=True, help="With --run: confirm, and approve every gate.")
@click.option("--report", type=click.Path(path_type=Path), help="With --run: write the report there.")
@click.option("--events", help="With --run: JSON lines of everything that happens, to a file or `-`.")
@click.option("--detach", is_flag=True, help="With --run: go on in the background and return.")
@click.pass_context
def cli(
    ctx: click.Context, /, config: Path | None, session: str, plan: Path | None, **run_options: Any
) -> None:
    """Move VMware vSphere VMs to Scaleway Instances in batches, safely.

    Without a command: the full-screen app.
    """
    ctx.obj = config
    given = [name for name, value in run_options.items() if value]
    if (given and plan is None) or (plan is not None and ctx.invoked_subcommand is not None):
        what = f"--{given[0]} goes with --run" if plan is None else "--run takes no command"
        raise click.UsageError(f"{what}; options of a command stand after it")
    if ctx.invoked_subcommand is not None:
        return
    if plan is not None:
        from v2s_tui.cli.headless import run_plan

        ctx.exit(run_plan(config, plan, **run_options))
    from v2s_tui.cli.app import open_app

    code = open_app(config, session)
    from v2s_tui.tui.beginning import TRY_THE_LAB

    if code == TRY_THE_LAB:
        from v2s_tui.cli.lab import demo

        code = ctx.invoke(demo) or ExitCode.DONE
    ctx.exit(code)


with_examples(cli, "v2s")

_FILE_FIXES = {
    PermissionError: "run v2s as the user who owns it, or name a place of your own "
    "(conversion.work_dir, --output, --report)",
    FileNotFoundError: "check the path and the folders above it",
    IsADirectoryError: "name a file, not a folder",
    NotADirectoryError: "a part of the path is a file",
}
_FREE_OR_MOVE = "free space there, or name another place"
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def main() -> None:
    """Entry point: every error becomes one clear message and the right exit code."""
    take_any_letter()
    try:
        code = cli.main(standalone_mode=False)
    except V2sError as error:
        say(f"v2s: {error.title}" + (f"\n     {error.hint}" if error.hint else ""))
        code = exit_code_of(error)
    except click.exceptions.Abort:
        say("v2s: interrupted")
        code = ExitCode.INTERRUPTED
    except KeyboardInterrupt:
        say("v2s: interrupted")
        code = ExitCode.INTERRUPTED
    except click.ClickException as error:
        with contextlib.suppress(OSError):
            error.show()
        code = ExitCode.WRONG_INPUT
    except BrokenPipeError:
        code = ExitCode.DONE
    except OSError as error:
        if error.filename is None and error.errno not in _NO_ROOM:
            raise  # not about a file of the operator's: a mistake of ours, told in full
        place = error.filename or "the output is not complete"
        say(f"v2s: {place}: {error.strerror}\n     {_FILE_FIXES.get(type(error), _FREE_OR_MOVE)}")
        code = ExitCode.WRONG_INPUT
    leave_quietly()
    sys.exit(int(code or 0))


if __name__ == "__main__":
    main()
