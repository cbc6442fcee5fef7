"""The web server of `v2s serve`: one page, its files, one websocket that carries the app's screen and keys.

The page's script and fonts are those of textual-serve, served from here: the browser asks nobody else for
anything. Who may ask is decided in access.py, before any of this is reached.
"""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path
from string import Template

from aiohttp import WSMsgType, web

from v2s_tui.web.access import Access
from v2s_tui.web.app_process import AppProcess

_HEARTBEAT_SECONDS = 15.0
_LARGEST_MESSAGE_BYTES = 1 << 20
_SMALLEST, _LARGEST = 20, 1000
_OPEN_PATHS = {"/login"}
_CLOSED_DOOR = "Open the address that `v2s serve` printed: it ends in a token that lets this browser in.\n"
_SIGNED_IN = """<!DOCTYPE html>
<meta charset="utf-8"><meta http-equiv="refresh" content="0; url=/"><title>v2s</title>
<p><a href="/">Go on to v2s</a>
"""
"""A page rather than a redirect: the step from here to / is our own, so a strict cookie goes with it even
when the operator followed a link from elsewhere."""
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self'; "
        "img-src 'self' data:; connect-src 'self' {websocket}; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "Server": "v2s",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class AppServer:
    """Serves one app, to one browser at a time: the newest wins, as an operator who changes seats expects."""

    def __init__(self, argv: Sequence[str], access: Access, *, log: Callable[[str], None]) -> None:
        """argv: what starts the app. log: is told who came and who was refused, never a secret."""
        self._argv = tuple(argv)
        self._access = access
        self._log = log
        self._taking_over = asyncio.Lock()
        self._app: AppProcess | None = None

    def application(self) -> web.Application:
        """The aiohttp application."""
        application = web.Application(middlewares=[self._door])
        application.add_routes(
            [
                web.get("/", self._page),
                web.get("/page.js", _page_script),
                web.get("/login", self._login),
                web.get("/screen", self._screen),
                web.static("/assets", Path(str(files("textual_serve") / "static"))),
            ]
        )
        application.on_response_prepare.append(self._add_headers)
        application.on_shutdown.append(self._stop_app)
        return application

    # --- the door ----------------------------------------------------------------------------------

    @web.middleware
    async def _door(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        refusal = self._refusal(request)
        if refusal:
            self._log(f"refused {request.remote}: {refusal}")
            return web.Response(status=403, text=f"{refusal}\n{_CLOSED_DOOR}")
        return await handler(request)

    def _refusal(self, request: web.Request) -> str:
        """Why this request is not answered; "" when it is."""
        if not self._access.goes_by(request.host):
            return "this server does not go by that name (--name adds one)"
        if request.path in _OPEN_PATHS:
            return ""
        if not self._access.is_cookie(request.cookies.get(self._cookie_name, "")):
            return "this browser has not been let in"
        origin = request.headers.get("Origin", "")
        if request.path == "/screen" and not self._access.is_own_page(origin, request.host):
            return "the page of another server tried to open the app"
        return ""

    @property
    def _cookie_name(self) -> str:
        return "__Host-v2s" if self._access.secure else "v2s"

    async def _add_headers(self, request: web.Request, response: web.StreamResponse) -> None:
        for name, value in _HEADERS.items():
            response.headers[name] = value.replace("{websocket}", self._websocket_address(request))

    def _websocket_address(self, request: web.Request) -> str:
        return f"{'wss' if self._access.secure else 'ws'}://{request.host}/screen"

    # --- what is behind it -------------------------------------------------------------------------

    async def _login(self, request: web.Request) -> web.Response:
        """Exchange the token for the cookie."""
        if not self._access.is_token(request.query.get("token", "")):
            self._log(f"refused {request.remote}: wrong token")
            return web.Response(status=403, text=f"that is not the token\n{_CLOSED_DOOR}")
        response = web.Response(text=_SIGNED_IN, content_type="text/html")
        response.set_cookie(
            self._cookie_name,
            self._access.cookie,
            httponly=True,
            samesite="Strict",
            secure=self._access.secure,
            path="/",
        )
        self._log(f"let in {request.remote}")
        return response

    async def _page(self, request: web.Request) -> web.Response:
        text = Template(_own_file("page.html")).substitute(websocket=self._websocket_address(request))
        return web.Response(text=text, content_type="text/html")

    async def _screen(self, request: web.Request) -> web.WebSocketResponse:
        """The app, until the browser or the app goes; whoever had it open before sees it end."""
        socket = web.WebSocketResponse(heartbeat=_HEARTBEAT_SECONDS, max_msg_size=_LARGEST_MESSAGE_BYTES)
        await socket.prepare(request)
        app = await self._take_over(
            width=_cells(request.query.get("width", ""), 80),
            height=_cells(request.query.get("height", ""), 24),
        )
        self._log(f"opened by {request.remote}")
        shown = asyncio.create_task(self._show(app, socket))
        try:
            await _obey(socket, app)
        finally:
            await app.stop()
            await shown
            self._log(f"closed by {request.remote}")
        return socket

    async def _take_over(self, *, width: int, height: int) -> AppProcess:
        async with self._taking_over:
            if self._app is not None:
                await self._app.stop()
            self._app = await AppProcess.start(self._argv, width=width, height=height)
            return self._app

    async def _show(self, app: AppProcess, socket: web.WebSocketResponse) -> None:
        """Everything the app draws; its last words where it failed. The socket is closed then."""
        try:
            async for frame in app.frames():
                await socket.send_bytes(frame)
            if app.failure:
                self._log("the app failed; the browser shows why")
                await socket.send_bytes(f"\x1b[2J\x1b[H{app.failure}\n".replace("\n", "\r\n").encode())
        except ConnectionError:
            self._log("the browser went away")
        finally:
            await socket.close()

    async def _stop_app(self, _application: web.Application) -> None:
        if self._app is not None:
            await self._app.stop()


def _own_file(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


async def _page_script(_request: web.Request) -> web.Response:
    return web.Response(text=_own_file("page.js"), content_type="text/javascript")


async def _obey(socket: web.WebSocketResponse, app: AppProcess) -> None:
    """Keys and sizes from the page, until it closes. What is no message of our page is left out."""
    async for message in socket:
        if message.type is not WSMsgType.TEXT:
            continue
        match _decoded(message.data):
            case ["stdin", str(text)]:
                await app.keys(text)
            case ["resize", {"width": int(width), "height": int(height)}]:
                await app.tell("resize", width=_cells(width, 80), height=_cells(height, 24))
            case ["ping", str(sent)]:
                await socket.send_json(["pong", sent])
            case ["focus" | "blur" as kind]:
                await app.tell(kind)


def _decoded(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _cells(given: str | int, otherwise: int) -> int:
    """A number of columns or lines that a screen can have."""
    try:
        return max(_SMALLEST, min(int(given), _LARGEST))
    except ValueError:
        return otherwise


@asynccontextmanager
async def listening(
    application: web.Application, host: str, port: int, *, tls: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """Answer there until the block ends; gives the port. Raises OSError when the port is taken."""
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=2)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, ssl_context=tls).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
