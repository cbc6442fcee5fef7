"""Show leftovers, and remove them after asking."""

from collections.abc import Sequence
from typing import Any

import click

from v2s_tui.cli.console import put, put_table, say
from v2s_tui.domain.errors import OutsideError
from v2s_tui.domain.leftovers import Leftover, in_removal_order
from v2s_tui.domain.units import format_eur
from v2s_tui.presentation.leftover_columns import LEFTOVER_COLUMNS
from v2s_tui.usecases.leftovers import remove_leftover
from v2s_tui.usecases.services import Services


def put_leftovers(found: Sequence[Leftover], *, as_json: bool) -> None:
    """All of them with their sum."""
    if as_json:
        import orjson

        put(orjson.dumps([_data(each) for each in found], option=orjson.OPT_INDENT_2).decode())
        return
    if not found:
        put("nothing was left behind")
        return
    put_table(LEFTOVER_COLUMNS, found)
    put(f"{len(found)} leftovers, {format_eur(sum(each.monthly_eur for each in found))} per month")


def remove_leftovers(services: Services, found: Sequence[Leftover], *, ask: bool) -> int:
    """Remove them one by one; returns how many could not be removed."""
    unknown = sum(not each.recorded for each in found)
    if unknown:
        say(f"{unknown} of them have no record here: a batch of another host or work folder may use them now")
    if ask:
        resumable = sum(each.resumable for each in found)
        if resumable:
            say(f"{resumable} of them belong to batches that can still be resumed; they would be made again")
        click.confirm(f"Remove these {len(found)}?", abort=True, err=True)
    failed = 0
    for each in in_removal_order(found):
        try:
            remove_leftover(services, each)
            say(f"removed {each.found.kind.value} {each.found.name}")
        except OutsideError as error:
            failed += 1
            say(f"not removed: {each.found.kind.value} {each.found.name}: {error}")
    return failed


def _data(each: Leftover) -> dict[str, Any]:
    found = each.found
    return {
        "kind": found.kind.value,
        "id": found.id,
        "name": found.name,
        "place": found.place,
        "batch_id": found.batch_id,
        "vm": each.vm_name,
        "age_days": each.age_days,
        "size_bytes": found.size_bytes,
        "monthly_eur": round(each.monthly_eur, 4),
        "reason": each.reason,
        "resumable": each.resumable,
    }
