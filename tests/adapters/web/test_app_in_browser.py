"""`v2s serve` as a browser meets it: real HTTP, a real websocket, the real app in a process of its own."""

import asyncio
import os
import pty
import re
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from v2s_tui.cli.serve import tls_context
from v2s_tui.lab.tls import make_certificate
from v2s_tui.web.access import Access, new_token
from v2s_tui.web.server import AppServer, listening

SIZE = "?width=80&height=24"


@dataclass(frozen=True)
class Served:
    """A running `v2s serve`."""

    process: subprocess.Popen[bytes]
    port: int
    token: str
    log: Path

    @property
    def address(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def login(self) -> str:
        return f"{self.address}/login?token={self.token}"

    def app_pids(self) -> list[int]:
        """Processes that the server started."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(each) for each in children.split()]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """Started as a service would start it: no terminal, TERM=dumb; with no configuration the app says so."""
    token_file, log = tmp_path / "token", tmp_path / "serve.log"
    argv = [sys.executable, "-m", "v2s_tui.cli.main", "serve", "--port", "0", "--token-file", str(token_file)]
    environ = {**os.environ, "TERM": "dumb", "PYTHONUNBUFFERED": "1", "SECRET_OF_OURS": "do-not-tell"}
    with log.open("wb") as output:
        process = subprocess.Popen(
            argv, stdout=output, stderr=output, stdin=subprocess.DEVNULL, cwd=tmp_path, env=environ
        )
    try:
        port = _port_said(log)
        yield Served(process, port, token_file.read_text().strip(), log)
    finally:
        process.terminate()
        process.wait(20)


def _port_said(log: Path) -> int:
    for _ in range(200):
        found = re.search(r"http://localhost:(\d+)/", log.read_text())
        if found:
            return int(found[1])
        time.sleep(0.1)
    raise AssertionError(log.read_text())


@pytest.fixture
async def browser() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield session


def wait_until_gone(pid: int) -> None:
    for _ in range(100):
        if not Path(f"/proc/{pid}").exists():
            return
        time.sleep(0.1)
    raise AssertionError(f"process {pid} is still there")


async def first_screen(socket: aiohttp.ClientWebSocketResponse, words: str) -> str:
    """What the app drew, as soon as it shows these words."""
    drawn = ""
    async with asyncio.timeout(20):
        while words not in drawn:
            message = await socket.receive()
            assert message.type is aiohttp.WSMsgType.BINARY, f"{message} after:\n{drawn}"
            drawn += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", message.data.decode())
    return drawn


async def test_without_the_token_there_is_nothing_to_see(
    served: Served, browser: aiohttp.ClientSession
) -> None:
    for path in ("/", "/page.js", "/assets/js/textual.js", "/assets/", "/screen", "/login", "/none"):
        async with browser.get(served.address + path) as answer:
            assert answer.status == 403, path
            text = await answer.text()
            assert "printed" in text
            assert served.token not in text
    async with browser.get(served.login[:-1] + "!") as answer:
        assert answer.status == 403
        assert "Set-Cookie" not in answer.headers
    with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
        await browser.ws_connect(served.address + "/screen", headers={"Origin": served.address})
    assert served.app_pids() == []


async def test_the_token_becomes_a_cookie_that_opens_the_app(
    served: Served, browser: aiohttp.ClientSession
) -> None:
    async with browser.get(served.login) as answer:
        assert answer.status == 200
        cookie = answer.headers["Set-Cookie"]
        assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
        assert served.token not in cookie
    async with browser.get(served.address) as answer:
        page = await answer.text()
        assert answer.status == 200
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert not [url for url in re.findall(r"(?:https?|wss?)://[^\"' ]+", page) if str(served.port) not in url]
    for path in re.findall(r'(?:src|href)="(/[^"]+\.\w+)"', page):
        async with browser.get(served.address + path) as answer:
            assert answer.status == 200, path
    origin = {"Origin": served.address}
    async with browser.ws_connect(f"{served.address}/screen{SIZE}", headers=origin) as socket:
        drawn = await first_screen(socket, "Welcome to v2s")
        assert "1 Inventory" in drawn
        await socket.send_str("no message of ours")
        await socket.send_json(["resize", {"width": 120, "height": 40}])
        await socket.send_json(["focus"])
        await socket.send_json(["stdin", "\x1b"])
        await asyncio.sleep(0.5)
        await socket.send_json(["stdin", "q"])
        async with asyncio.timeout(20):
            while (await socket.receive()).type is aiohttp.WSMsgType.BINARY:
                pass
        assert socket.closed
    assert served.app_pids() == []
    said = served.log.read_text()
    assert "opened by 127.0.0.1" in said or "opened by ::1" in said
    assert served.token not in said
    assert "do-not-tell" not in said


def test_the_token_is_shown_on_a_terminal_and_stands_nowhere_else(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    argv = [sys.executable, "-m", "v2s_tui.cli.main", "serve", "--port", "0"]
    process = subprocess.Popen(argv, stdin=theirs, stdout=theirs, stderr=theirs, cwd=tmp_path)
    os.close(theirs)
    shown = ""
    while "Ctrl+C" not in shown:
        shown += os.read(ours, 4000).decode()
    token = re.findall(r"login\?token=([\w-]+)", shown)[0]
    told = [Path(f"/proc/{process.pid}/{each}").read_text() for each in ("cmdline", "environ")]
    process.terminate()
    assert process.wait(20) == 0
    os.close(ours)
    assert len(token) > 40
    assert not any(token in each for each in told)


async def test_a_stopped_server_ends_the_app_and_leaves(
    served: Served, browser: aiohttp.ClientSession
) -> None:
    await browser.get(served.login)
    origin = {"Origin": served.address}
    async with browser.ws_connect(f"{served.address}/screen{SIZE}", headers=origin) as socket:
        await first_screen(socket, "Welcome to v2s")
        (app,) = served.app_pids()
        served.process.terminate()
        assert await asyncio.to_thread(served.process.wait, 10) == 0
        await asyncio.to_thread(wait_until_gone, app)


async def test_pages_of_others_and_foreign_names_open_nothing(
    served: Served, browser: aiohttp.ClientSession
) -> None:
    await browser.get(served.login)
    for origin in ("http://evil.example.com", f"http://localhost:{served.port + 1}", ""):
        with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
            await browser.ws_connect(served.address + "/screen", headers={"Origin": origin})
    rebound = {"Host": f"evil.example.com:{served.port}"}
    for path in ("/", f"/login?token={served.token}"):
        async with browser.get(served.address + path, headers=rebound) as answer:
            assert answer.status == 403
            assert "Set-Cookie" not in answer.headers


async def test_the_newest_browser_takes_over_and_a_killed_server_leaves_no_app(
    served: Served, browser: aiohttp.ClientSession
) -> None:
    await browser.get(served.login)
    origin = {"Origin": served.address}
    first = await browser.ws_connect(f"{served.address}/screen{SIZE}", headers=origin)
    await first_screen(first, "Welcome to v2s")
    second = await browser.ws_connect(f"{served.address}/screen{SIZE}", headers=origin)
    await first_screen(second, "Welcome to v2s")
    async with asyncio.timeout(20):
        while (await first.receive()).type is aiohttp.WSMsgType.BINARY:
            pass
    (app,) = served.app_pids()
    os.kill(served.process.pid, signal.SIGKILL)
    await asyncio.to_thread(wait_until_gone, app)
    await first.close()
    await second.close()


async def test_over_tls_the_cookie_never_travels_in_the_clear(
    browser: aiohttp.ClientSession, tmp_path: Path
) -> None:
    tls = make_certificate(tmp_path, hosts=("localhost", "127.0.0.1"))
    access = Access(new_token(), secure=True)
    application = AppServer(["/bin/false"], access, log=print).application()
    client = ssl.create_default_context(cafile=str(tls.ca_file))
    async with listening(application, "127.0.0.1", 0, tls=tls_context(tls.cert_file, tls.key_file)) as port:
        address = f"https://localhost:{port}"
        async with browser.get(f"{address}/login?token={access.token}", ssl=client) as answer:
            cookie = answer.headers["Set-Cookie"]
        assert cookie.startswith("__Host-v2s=")
        assert "Secure" in cookie.split("; ")
        async with browser.get(address, ssl=client) as answer:
            assert f"wss://localhost:{port}/screen" in await answer.text()


async def test_why_the_app_failed_is_shown_in_the_browser(
    served: Served, browser: aiohttp.ClientSession, tmp_path: Path
) -> None:
    (tmp_path / "migration.yaml").write_text("vmware: {vcentre: mistyped}\n")
    await browser.get(served.login)
    origin = {"Origin": served.address}
    async with browser.ws_connect(f"{served.address}/screen", headers=origin) as socket:
        assert "migration.yaml" in await first_screen(socket, "vcentre")
