"""The report of a batch, made from its record alone: nobody outside is asked."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import orjson

from v2s_tui.adapters.formats.bundled_catalogue import bundled_catalogue
from v2s_tui.domain.errors import InputError
from v2s_tui.domain.execution.batch import BatchState
from v2s_tui.domain.hand_over import MadeByWave, made_by_wave
from v2s_tui.domain.planning.cost import plan_cost
from v2s_tui.domain.report import BatchReport, report_of
from v2s_tui.domain.report_lines import GuestChanges
from v2s_tui.domain.target.instance_types import Catalogue
from v2s_tui.presentation.import_blocks import import_blocks
from v2s_tui.presentation.report_text import REPORT_FORMATS
from v2s_tui.usecases.services import Services
from v2s_tui.usecases.show_batches import read_batch


def batch_report(services: Services, batch_id: str | None, output_format: str = "markdown") -> str:
    """The report as text in one of REPORT_FORMATS. batch_id None: the newest. Raises StateError."""
    return REPORT_FORMATS[output_format](report_data(services, batch_id))


def hand_over(services: Services, batch_id: str | None, *, wave: str | None = None) -> str:
    """OpenTofu import blocks of what a batch made, by wave. batch_id None: the newest.

    wave: name or number (from 1) of the only one to write, None for all. Raises StateError, and InputError
    for a wave that the batch does not have.
    """
    state = read_batch(services, batch_id)
    waves = made_by_wave(state)
    only = (_number_of(wave, waves),) if wave is not None else ()
    return import_blocks(waves, title=f"v2s batch {state.header.batch_id}", only=only)


def _number_of(wanted: str, waves: Sequence[MadeByWave]) -> int:
    """A name goes before a number: a wave may be called `2`."""
    numbers = {str(each.number): each.number for each in waves} | {each.name: each.number for each in waves}
    if wanted not in numbers:
        known = ", ".join(each.title for each in waves)
        raise InputError(f"the batch has no wave {wanted!r}", hint=f"name or number of one of: {known}")
    return numbers[wanted]


def report_data(services: Services, batch_id: str | None) -> BatchReport:
    """The report as data, with prices of this process's catalogues or the bundled ones."""
    state = read_batch(services, batch_id)
    return report_of(
        state,
        services.clock.now(),
        monthly_eur=_monthly_eur(services, state),
        guest_changes=dict(_guest_changes(state)),
    )


def _guest_changes(state: BatchState) -> Iterator[tuple[str, GuestChanges]]:
    """By VM; one whose manifest was removed since is left out."""
    for name, job in state.jobs.items():
        if job.artifacts.guest_manifest:
            try:
                yield name, read_guest_manifest(Path(job.artifacts.guest_manifest))
            except (OSError, ValueError, KeyError, TypeError):
                continue  # the report shows the path and no figures


def read_guest_manifest(path: Path) -> GuestChanges:
    """What the guest stages wrote down of a guest (engine/stages/guest_work.py): a section for each stage.

    Raises OSError when it is not there; ValueError, KeyError or TypeError when it is something else.
    """
    manifest = orjson.loads(path.read_bytes())
    if not isinstance(manifest, dict):
        raise ValueError(f"{path.name} is no manifest of a guest")
    stages = manifest.values()
    paths = dict.fromkeys(str(record["path"]) for stage in stages for record in stage["records"])
    warnings = dict.fromkeys(str(each) for stage in stages for each in stage["warnings"])
    return GuestChanges(tuple(paths), tuple(warnings))


def _monthly_eur(services: Services, state: BatchState) -> dict[str, float]:
    def catalogue_of(zone: str) -> Catalogue:
        return services.catalogues.get(zone) or bundled_catalogue(zone)

    try:
        image = services.settings.scaleway.image
        cost = plan_cost(state.planned.values(), catalogue_of, image=image)
    except InputError:
        return {}  # a zone that neither the API nor the bundled list knows has no price
    return {line.vm: line.monthly for line in cost.lines}
