"""Lists: filters and the two kinds of paging (scaleway.md 1.3)."""

from collections.abc import Callable, Iterable
from typing import Any

from v2s_tui.lab.scaleway.answers import Answer, invalid_argument
from v2s_tui.lab.scaleway.routing import Call
from v2s_tui.lab.scaleway.store import Resource, public

MAX_PAGE_SIZE = 100
DEFAULT_PAGE_SIZE = 50


def selected(call: Call, resources: Iterable[Resource]) -> list[Resource]:
    """Those that pass the filters every list has: project, organization, name (a part of it), tags (all)."""
    project = call.one("project_id") or call.one("project")
    organization = call.one("organization_id") or call.one("organization")
    name = call.one("name")
    tags = [tag for value in call.query.get("tags", []) for tag in value.split(",") if tag]
    return [
        each
        for each in resources
        if project in ("", _project(each))
        and organization in ("", call.world.account.organization_id)
        and name in str(each.get("name", ""))
        and set(tags) <= set(each.get("tags", []))
    ]


def _project(resource: Resource) -> str:
    return str(resource.get("project_id") or resource.get("project") or "")


def page_of(call: Call, rows: list[Any], *, size_name: str) -> tuple[list[Any], int, int]:
    """The page that is asked for, its number and its size. Raises a 400 refusal for a page size above 100."""
    page, size = _positive(call, "page", 1), _positive(call, size_name, DEFAULT_PAGE_SIZE)
    if size > MAX_PAGE_SIZE:
        raise invalid_argument(size_name, f"{size_name} must be at most {MAX_PAGE_SIZE}")
    return rows[(page - 1) * size : page * size], page, size


def _positive(call: Call, name: str, default: int) -> int:
    text = call.one(name) or str(default)
    if not text.isdecimal() or int(text) < 1:
        raise invalid_argument(name, f"{name} must be a positive number", reason="format")
    return int(text)


def answer_list(
    call: Call, key: str, resources: Iterable[Resource], *, view: Callable[[Resource], Resource] = public
) -> Answer:
    """A list as block, VPC, IPAM and IAM answer it: `total_count` in the body."""
    rows = sorted(resources, key=lambda each: each["_created"], reverse=True)
    page, _, _ = page_of(call, rows, size_name="page_size")
    return Answer(200, {key: [view(each) for each in page], "total_count": len(rows)})


def answer_instance_list(
    call: Call, key: str, resources: Iterable[Resource], *, view: Callable[[Resource], Resource] = public
) -> Answer:
    """A list as instance/v1 answers it: total and neighbours in headers."""
    rows = sorted(resources, key=lambda each: each["_created"], reverse=True)
    page, number, size = page_of(call, rows, size_name="per_page")
    headers = paging_headers(call, total=len(rows), page=number, size=size)
    return Answer(200, {key: [view(each) for each in page]}, headers)


def paging_headers(call: Call, *, total: int, page: int, size: int) -> dict[str, str]:
    """X-Total-Count and Link of instance/v1."""
    last = max(1, -(-total // size))
    links = [("first", 1), ("last", last)]
    links += [("next", page + 1)] if page < last else []
    links += [("previous", page - 1)] if page > 1 else []
    text = ",".join(f'<{call.path}?page={number}&per_page={size}>; rel="{rel}"' for rel, number in links)
    return {"X-Total-Count": str(total), "Link": text}
