"""Rates measured in earlier batches of the work folder."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from fakes.plans import batch_of, plan_of, vm_named

from v2s_tui.adapters.store.batch_state import BatchStateFile
from v2s_tui.domain.execution.artifacts import DiskArtifacts
from v2s_tui.domain.execution.batch import BatchState
from v2s_tui.domain.planning.plan import PausePolicy
from v2s_tui.domain.units import GIB
from v2s_tui.usecases.services import Services
from v2s_tui.usecases.site_rates import samples_of, site_rates


def batch() -> BatchState:
    vms = [vm_named("a"), vm_named("b", host="esxi-02")]
    state = batch_of(plan_of([("one", vms, PausePolicy.CONTINUE)]))
    jobs = {
        name: replace(job, stage_bytes={"export": 10 * GIB}, stage_timings={"export": seconds, "verify": 3.0})
        for (name, job), seconds in zip(state.jobs.items(), (100.0, 50.0), strict=True)
    }
    return replace(state, jobs=jobs)


def services(work_dir: Path) -> Services:
    return cast(Services, SimpleNamespace(work_dir=work_dir, state_dir=work_dir / "batch-state"))


def test_only_stages_that_moved_bytes_are_samples() -> None:
    assert [(each.stage, each.esxi_host, each.seconds) for each in samples_of(batch())] == [
        ("export", "esxi-01", 100.0),
        ("export", "esxi-02", 50.0),
    ]


def test_an_export_that_uploaded_meanwhile_is_measured_by_what_it_received() -> None:
    state = batch()
    job = state.jobs["a"]
    disk = DiskArtifacts(0, 2000, 20 * GIB, received_bytes=6 * GIB)
    both_ways = replace(job, artifacts=job.artifacts.with_disk(disk))
    samples = {each.seconds: each for each in samples_of(replace(state, jobs={**state.jobs, "a": both_ways}))}
    assert samples[100.0].moved_bytes == 6 * GIB
    assert samples[50.0].moved_bytes == 10 * GIB


def test_a_site_without_batches_has_the_documented_defaults(tmp_path: Path) -> None:
    assert site_rates(services(tmp_path)).measured == {}


def test_new_batches_are_read_and_unreadable_ones_do_no_harm(tmp_path: Path) -> None:
    BatchStateFile.create(tmp_path, batch()).close()
    (tmp_path / "batch-state" / "batch-ffffffff.json").write_text("{broken", encoding="utf-8")
    measured = site_rates(services(tmp_path)).measured
    assert measured["export", "esxi-01"] == pytest.approx(10 * GIB / 100)
    assert measured["export", ""] == pytest.approx((10 * GIB / 100 + 10 * GIB / 50) / 2)
    assert site_rates(services(tmp_path)) is site_rates(services(tmp_path))


def test_a_journal_that_goes_meanwhile_stops_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A runner begins a new one and removes the old while another process looks at the folder."""
    gone = tmp_path / "batch-state" / "batch-0a1b2c3d.json.journal.1"
    monkeypatch.setattr(Path, "glob", lambda *_: iter((gone,)))
    assert site_rates(services(tmp_path)).measured == {}
