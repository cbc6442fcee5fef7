"""`v2s serve`: the app in a browser, for people who cannot SSH."""

import asyncio
import os
import signal
import ssl
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from v2s_tui.cli.console import put, say
from v2s_tui.cli.options import chosen_config, config_option
from v2s_tui.domain.errors import InputError

if TYPE_CHECKING:
    from v2s_tui.web.server import AppServer


@click.command()
@config_option
@click.option("--session", default="web", show_default=True, help="The app's session to go on with.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8022, show_default=True, type=click.IntRange(0, 65535), help="0: any free.")
@click.option("--name", "names", multiple=True, help="A name that browsers call this host by (repeatable).")
@click.option("--tls-cert", type=click.Path(path_type=Path), help="Certificate (PEM, with its chain).")
@click.option("--tls-key", type=click.Path(path_type=Path), help="Its key (PEM).")
@click.option("--behind-tls", is_flag=True, help="A proxy in front does TLS and hands on the Host header.")
@click.option(
    "--allow-plain-http", is_flag=True, help="Beyond this host without TLS: who listens, reads all."
)
@click.option("--token-file", type=click.Path(path_type=Path), help="Keep the token there over restarts.")
@click.pass_context
def serve(
    ctx: click.Context,
    config: Path | None,
    *,
    session: str,
    host: str,
    port: int,
    names: tuple[str, ...],
    tls_cert: Path | None,
    tls_key: Path | None,
    behind_tls: bool,
    allow_plain_http: bool,
    token_file: Path | None,
) -> None:
    """The app in a browser, for people who cannot SSH. Listens on this host alone unless told.

    Shows an address with a token once: who opens it is let in until the server stops. One browser at a
    time, the newest goes on where the last one was.
    """
    try:
        from v2s_tui.web.access import Access, is_loopback, kept_token, new_token
        from v2s_tui.web.server import AppServer
    except ModuleNotFoundError as err:
        raise InputError(f"v2s serve needs {err.name}", hint="pip install 'v2s-tui[serve]'") from err
    from v2s_tui.config.load import load_config

    tls = tls_context(tls_cert, tls_key)
    if not is_loopback(host) and tls is None and not allow_plain_http:
        raise InputError(
            f"{host} is reached from elsewhere, and without TLS others could read the token and the screen",
            hint=f"give --tls-cert and --tls-key; or leave --host out and use ssh -L {port}:localhost:{port}",
        )
    if token_file is None and not sys.stdout.isatty():
        raise InputError("there is no terminal to show the token on", hint="--token-file PATH keeps it")
    settings = load_config(chosen_config(ctx, config))
    token = kept_token(token_file) if token_file else new_token()
    secure = tls is not None or behind_tls
    access = Access(token, names=frozenset({host, *names}), secure=secure)

    def ready(real_port: int) -> None:
        shown = names[0] if names else "localhost" if is_loopback(host) else host
        address = f"https://{shown}" if behind_tls else f"http{'s' if tls else ''}://{shown}:{real_port}"
        _tell(address, token=token, token_file=token_file)

    server = AppServer(_app_argv(settings.source, session), access, log=say)
    asyncio.run(_serve(server, host, port, tls=tls, ready=ready))


def _app_argv(config: Path | None, session: str) -> list[str]:
    argv = [sys.executable, "-m", "v2s_tui.cli.main", "--session", session]
    return argv + (["--config", str(config.resolve())] if config else [])


def tls_context(certificate: Path | None, key: Path | None) -> ssl.SSLContext | None:
    """For these PEM files; None without a certificate. Raises InputError where they cannot be used."""
    if certificate is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as err:
        raise InputError(
            f"the certificate cannot be used: {err.strerror or err}",
            hint="--tls-cert and --tls-key name PEM files",
        ) from err
    return context


def _tell(address: str, *, token: str, token_file: Path | None) -> None:
    """Where to go. Into a pipe, which may end in a log, goes no token."""
    if sys.stdout.isatty():
        put(f"v2s is at {address}/login?token={token}")
    else:
        put(f"v2s is at {address}/login?token=... (the token is in {token_file})")
    say("Ctrl+C stops it; a run that was started goes on")


async def _serve(
    server: "AppServer", host: str, port: int, *, tls: ssl.SSLContext | None, ready: Callable[[int], None]
) -> None:
    """Until SIGINT or SIGTERM."""
    from v2s_tui.web.server import listening

    stopped = asyncio.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(each, stopped.set)
    try:
        async with listening(server.application(), host, port, tls=tls) as real_port:
            ready(real_port)
            await stopped.wait()
    except OSError as err:
        raise InputError(
            f"cannot listen on {host}:{port}: {os.strerror(err.errno or 0)}",
            hint="--port 0 takes any free one",
        ) from err
