"""Write the VMs an operator sees to a file."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from v2s_tui.adapters.formats.inventory_files import inventory_text
from v2s_tui.domain.errors import InputError
from v2s_tui.domain.source.inventory import Inventory
from v2s_tui.domain.source.vm import Vm

FORMATS = {".csv": "csv", ".json": "json", ".yaml": "yaml", ".yml": "yaml"}


def export_problem(path: Path) -> str:
    """Why nothing can be written there, "" when it can."""
    if path.suffix.lower() not in FORMATS:
        return "the ending tells the format: .csv, .json or .yaml"
    if path.exists():
        return f"{path} exists: choose another name"
    return "" if path.absolute().parent.is_dir() else f"there is no folder {path.absolute().parent}"


def export_inventory(inventory: Inventory, shown: Sequence[Vm], path: Path) -> Path:
    """Write these VMs of that inventory in the format of the path's ending; never over a file.

    Raises InputError.
    """
    if problem := export_problem(path):
        raise InputError(problem, hint="give a new file such as inventory.csv")
    text = inventory_text(replace(inventory, vms=tuple(shown)), FORMATS[path.suffix.lower()])
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise InputError(
            f"{path} cannot be written: {error.strerror}", hint="choose another place"
        ) from error
    return path
