"""Control calls by aioboto3 from plain threads: one event loop on a thread of its own, one client for all.

The data of parts does not go this way: boto would hold whole parts in memory (reference: scaleway.md 2.2).
"""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from v2s_tui.adapters.objectstore.access import StorageAccess
from v2s_tui.adapters.objectstore.failures import from_client_error, no_answer
from v2s_tui.domain.errors import StorageError, StorageUnavailable

if TYPE_CHECKING:
    from types_aiobotocore_s3.client import S3Client

T = TypeVar("T")

_NO_S3 = "is scaleway.s3_endpoint right, and what is between it and here?"
ANSWER_SECONDS = 900.0
"""Longest wait for one control call with its retries; completing a large upload takes minutes."""


MOST_ITEMS = 1_000_000
"""Of one list; who lists more is not the bucket of a migration."""

TLS_CLOSE_SECONDS = 0.1
"""aiohttp returns from close() before TLS connections are gone; a loop that stops then leaves them open."""


class Answer(dict[str, Any]):
    """An answer, or an item of one, in which a missing field is an error of the server's."""

    def __missing__(self, name: str) -> Any:
        raise StorageError(f"Object Storage's answer lacks {name}", hint=_NO_S3)


class ControlClient:
    """A blocking S3 client, safe to share between threads. Nothing is imported or opened before the first
    call.
    """

    def __init__(self, access: StorageAccess) -> None:
        self._access = access
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._open = contextlib.AsyncExitStack()
        self._client: S3Client | None = None

    def call(self, what: str, operation: str, **arguments: Any) -> Answer:
        """One S3 operation by botocore's name (`head_object`). what: for the error message."""
        return Answer(self._run(what, self._call(operation, arguments)))

    def pages(self, what: str, operation: str, items: str, **arguments: Any) -> list[dict[str, Any]]:
        """All items of all pages of a list operation."""
        return self._run(what, self._pages(operation, items, arguments))

    def presign(self, operation: str, *, expires_seconds: int, **arguments: Any) -> str:
        """A URL by which a plain HTTP client can do the operation."""
        return self._run("sign a request", self._presign(operation, expires_seconds, arguments))

    def close(self) -> None:
        """Close the client and end its thread; never raises."""
        with self._lock:
            loop, thread, self._loop, self._client = self._loop, self._thread, None, None
        if loop is None or thread is None:
            return
        asyncio.run_coroutine_threadsafe(self._aclose(), loop).result(timeout=10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=10)
        loop.close()

    async def _aclose(self) -> None:
        await self._open.aclose()
        await asyncio.sleep(TLS_CLOSE_SECONDS)

    def _run(self, what: str, work: Coroutine[Any, Any, T]) -> T:
        from botocore.exceptions import BotoCoreError, ClientError
        from botocore.parsers import ResponseParserError

        future = asyncio.run_coroutine_threadsafe(work, self._running_loop())
        try:
            return future.result(timeout=ANSWER_SECONDS)
        except ClientError as err:
            raise from_client_error(what, err) from err
        except (BotoCoreError, OSError) as err:
            raise no_answer(what, err) from err
        except (ResponseParserError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as err:
            raise StorageError(f"Object Storage's answer cannot be understood: {what}", hint=_NO_S3) from err
        except TimeoutError as err:
            future.cancel()
            raise StorageUnavailable(f"Object Storage did not answer in time to {what}") from err

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=self._loop.run_forever, name="object-storage", daemon=True
                )
                self._thread.start()
            return self._loop

    async def _s3(self) -> "S3Client":
        """The client, made once; only the loop's own thread comes here."""
        if self._client is None:
            self._client = await self._open.enter_async_context(self._make_client())
        return self._client

    @contextlib.asynccontextmanager
    async def _make_client(self) -> AsyncIterator["S3Client"]:
        import aioboto3
        from aiobotocore.config import AioConfig

        config = AioConfig(
            signature_version="s3v4",
            connect_timeout=self._access.connect_seconds,
            read_timeout=self._access.read_seconds,
            retries={"mode": "standard", "max_attempts": self._access.attempts},
            max_pool_connections=16,
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            s3={"payload_signing_enabled": False},
        )
        session = aioboto3.Session(
            aws_access_key_id=self._access.access_key,
            aws_secret_access_key=self._access.secret_key,
            region_name=self._access.region,
        )
        verify: Any = self._access.verify
        async with session.client(
            "s3", endpoint_url=self._access.endpoint, verify=verify, config=config
        ) as client:
            yield client

    async def _call(self, operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = await getattr(await self._s3(), operation)(**arguments)
        return answer

    async def _pages(self, operation: str, items: str, arguments: dict[str, Any]) -> list[dict[str, Any]]:
        client: Any = await self._s3()
        found: list[dict[str, Any]] = []
        async for page in client.get_paginator(operation).paginate(**arguments):
            if "IsTruncated" not in page:  # of every list; what a proxy says instead would read as empty
                raise StorageError("what Object Storage answers is not a list", hint=_NO_S3)
            found += [Answer(item) for item in page.get(items) or ()]
            if len(found) > MOST_ITEMS:
                raise StorageError(f"Object Storage lists more than {MOST_ITEMS:,} items", hint=_NO_S3)
        return found

    async def _presign(self, operation: str, expires_seconds: int, arguments: dict[str, Any]) -> str:
        client: Any = await self._s3()
        url: str = await client.generate_presigned_url(operation, Params=arguments, ExpiresIn=expires_seconds)
        return url
