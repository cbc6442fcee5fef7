"""Every page of a list call, whatever page size the server really grants."""

from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")

PAGE_SIZE = 100
"""The largest page of every Scaleway list call (reference: scaleway.md 1.3)."""


def all_pages(fetch: Callable[[int, int], Any], items_of: Callable[[Any], list[T]]) -> list[T]:
    """Items of all pages. fetch: page (from 1) and page size to an answer with `total_count`.

    Ends at the announced total or at an empty page, not at a short one: a server may grant smaller pages than
    asked. Without a total it also ends when a page comes back unchanged: some calls ignore `page`.
    """
    found: list[T] = []
    last: list[T] = []
    page = 1
    while True:
        answer = fetch(page, PAGE_SIZE)
        items = items_of(answer)
        if not items or items == last:
            return found
        found += items
        total = int(getattr(answer, "total_count", 0) or 0)
        if total and len(found) >= total:
            return found
        last, page = items, page + 1
