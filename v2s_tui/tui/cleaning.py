"""Undo and leftovers: look first, name everything that goes, ask for a typed word, then remove it."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from v2s_tui.domain.errors import OutsideError
from v2s_tui.domain.execution.batch import BatchState
from v2s_tui.domain.leftovers import Leftover, in_removal_order
from v2s_tui.engine.undo import UndoResult
from v2s_tui.presentation.columns import Column
from v2s_tui.tui.modals.choose import Choose
from v2s_tui.tui.modals.confirm import Confirm
from v2s_tui.tui.modals.leftovers import LeftoversView
from v2s_tui.tui.modals.text_view import TextView
from v2s_tui.usecases.leftovers import find_leftovers, remove_leftover
from v2s_tui.usecases.services import Services
from v2s_tui.usecases.show_batches import read_batch
from v2s_tui.usecases.undo import UndoPreview, preview_undo, undo_batch

if TYPE_CHECKING:
    from v2s_tui.tui.app import V2sApp

_WHOLE = "the whole batch (running Instances stay)"
_REMOVE = "remove"


class Cleaning:
    """The questions and the work behind them; a thread does what takes long."""

    def __init__(self, app: "V2sApp") -> None:
        self._app = app

    # --- undo --------------------------------------------------------------------------------------

    def undo(self, batch_id: str) -> None:
        """Choose the whole batch or one VM, see what goes, type the batch's id."""

        def chosen(name: str | None) -> None:
            if name is not None:
                self._preview(batch_id, () if name == _WHOLE else (name,))

        def known(state: BatchState) -> None:
            column: Column[str] = Column("vm", "Undo", 50, lambda name: name)
            choose = Choose[str](f"Undo what of batch {batch_id}", (column,), [_WHOLE, *state.jobs])
            self._app.push_screen(choose, chosen)

        self._app.background.ask("undo-what", partial(read_batch, self._app.services, batch_id), known)

    def _preview(self, batch_id: str, vm_names: tuple[str, ...]) -> None:
        def known(preview: UndoPreview) -> None:
            if not preview.steps:
                self._app.notify("there is nothing to undo", timeout=6, markup=False)
                return
            confirm = Confirm(
                f"Undo {len(preview.steps)} things of batch {batch_id}?",
                undo_lines(preview, vm_names),
                action="Remove them",
                danger=True,
                typed=batch_id,
            )
            self._app.push_screen(confirm, answered)

        def answered(go: bool | None) -> None:
            if go:
                self._app.notify("undoing...", timeout=5, markup=False)
                work = partial(undo_batch, self._app.services, batch_id, vm_names)
                self._app.background.ask("undo", work, self._undone)

        self._app.background.ask(
            "undo-preview", partial(preview_undo, self._app.services, batch_id, vm_names), known
        )

    def _undone(self, results: tuple[UndoResult, ...]) -> None:
        lines = [
            f"{each.step.effect.owner}: {each.step.effect.kind.value} "
            + (f"NOT removed: {each.problem}" if each.problem else "removed")
            for each in results
        ]
        self._app.push_screen(TextView("What undo did", lines))

    # --- leftovers ---------------------------------------------------------------------------------

    def leftovers(self) -> None:
        """Look at vCenter, Object Storage and Scaleway for what nobody needs any more."""
        self._app.notify("looking at vCenter, Object Storage and Scaleway...", timeout=6, markup=False)
        self._app.background.ask("leftovers", partial(find_leftovers, self._app.services), self._found)

    def _found(self, found: tuple[Leftover, ...]) -> None:
        if not found:
            self._app.notify("nothing was left behind", timeout=6, markup=False)
            return
        self._app.push_screen(LeftoversView(found), self._ask_removal)

    def _ask_removal(self, chosen: tuple[Leftover, ...] | None) -> None:
        if not chosen:
            return

        def answered(go: bool | None) -> None:
            if go:
                work = partial(remove_leftovers, self._app.services, chosen)
                self._app.background.ask("remove", work, self._removed)

        title = f"Remove these {len(chosen)}? They cannot be had again."
        confirm = Confirm(title, leftover_lines(chosen), action="Remove them", danger=True, typed=_REMOVE)
        self._app.push_screen(confirm, answered)

    def _removed(self, lines: list[str]) -> None:
        self._app.push_screen(TextView("What was removed", lines))


def undo_lines(preview: UndoPreview, vm_names: Sequence[str]) -> list[str]:
    """Every removal with its consequence, and what becomes of running Instances."""
    lines = [step.describe() for step in preview.steps]
    for name in preview.running:
        fate = "IS RUNNING and will be stopped and deleted" if name in vm_names else "is running and stays"
        lines.append(f"{name}: its Instance {fate}")
    return lines


def leftover_lines(chosen: Sequence[Leftover]) -> list[str]:
    """What goes, by kind and name; what a resume would have used."""
    return [
        f"{each.found.kind.value} {each.found.name}"
        + (" (its batch can still be resumed and would make it again)" if each.resumable else "")
        for each in chosen
    ]


def remove_leftovers(services: Services, chosen: Sequence[Leftover]) -> list[str]:
    """Remove them one by one; what became of each, as a line."""
    lines = []
    for each in in_removal_order(chosen):
        name = f"{each.found.kind.value} {each.found.name}"
        try:
            remove_leftover(services, each)
            lines.append(f"removed {name}")
        except OutsideError as error:
            lines.append(f"NOT removed {name}: {error}")
    return lines
