"""Our own threads for blocking work: sized by the `global` limit, never asyncio's default pool.

asyncio.to_thread has 6 threads on 2 cores and shares them with name resolution (reference: terminal.md 4).
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")
SPARE_THREADS = 4


class Workers:
    """A thread pool that can grow while it is in use."""

    def __init__(self, global_limit: int) -> None:
        self._size = global_limit + SPARE_THREADS
        self._pool = ThreadPoolExecutor(self._size, thread_name_prefix="stage")
        self._retired: list[ThreadPoolExecutor] = []

    async def run(self, work: Callable[[], Result]) -> Result:
        """Run blocking work in a thread and wait until it has really ended, even when we are cancelled.

        Cancelling the waiting task does not stop a thread; so the wait goes on, and the cancellation is
        passed on only after the thread is done.
        """
        running = asyncio.get_running_loop().run_in_executor(self._pool, work)
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            await asyncio.wait([running])
            raise

    def grow_to(self, global_limit: int) -> None:
        """Have enough threads for a raised limit; running work stays where it is."""
        size = global_limit + SPARE_THREADS
        if size > self._size:
            self._retired.append(self._pool)
            self._pool.shutdown(wait=False)
            self._size = size
            self._pool = ThreadPoolExecutor(size, thread_name_prefix="stage")

    def close(self) -> None:
        """Wait for all threads."""
        for pool in (*self._retired, self._pool):
            pool.shutdown(wait=True)
