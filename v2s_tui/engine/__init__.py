"""Runs waves: asyncio outside, blocking stage functions in worker threads."""
