"""The doctor says what canaries have proved of this importer, and what that means for the disks."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from fakes.clock import FakeClock

from v2s_tui.adapters.store.canaries import write_canary
from v2s_tui.config.settings import ConversionSettings, ScalewaySettings, Settings
from v2s_tui.domain.checks import CheckState
from v2s_tui.domain.errors import StateError
from v2s_tui.domain.execution.canary import CanaryRecord
from v2s_tui.usecases.check_pass_through import check_pass_through
from v2s_tui.usecases.cluster_mode import canary_target

CLOCK = FakeClock()


def look(work_dir, mode="auto", region="fr-par"):
    conversion = ConversionSettings(work_dir=work_dir, cluster_mode=mode)
    settings = Settings(conversion=conversion, scaleway=ScalewaySettings(s3_region=region))
    (check,) = check_pass_through(SimpleNamespace(settings=settings, work_dir=work_dir, clock=CLOCK))
    return check


def flown(work_dir, passed, *, days_ago=0):
    record = CanaryRecord("c0ffee00", CLOCK.now() - timedelta(days=days_ago), passed, "3 clusters differ")
    write_canary(work_dir, canary_target(ScalewaySettings()), record)


def test_a_proof_is_of_one_region_and_endpoint(tmp_path):
    flown(tmp_path, passed=True, days_ago=90)
    check = look(tmp_path)
    assert (check.state, check.fix) == (CheckState.OK, "")
    assert check.detail == "fr-par, https://s3.fr-par.scw.cloud: proved on 2025-12-02"
    assert "not proved yet" in look(tmp_path, region="nl-ams").detail


@pytest.mark.parametrize(
    ("passed", "days_ago", "said"),
    [
        (True, 91, "proved on 2025-12-01, which counts for 90 days only"),
        (False, 0, "does not work, 2026-03-02: 3 clusters differ"),
        (None, 0, "the canary of 2026-03-02 did not come to its end"),
    ],
)
def test_what_is_no_proof_says_why_and_how_to_get_one(tmp_path, passed, days_ago, said):
    flown(tmp_path, passed, days_ago=days_ago)
    check = look(tmp_path)
    assert check.state is CheckState.OK
    assert said in check.detail
    assert "`v2s disk canary`" in check.fix


def test_sending_unmodified_grains_without_proof_is_warned_of(tmp_path):
    check = look(tmp_path, mode="pass")
    assert check.state is CheckState.WARN
    assert "cluster_mode: auto" in check.fix
    flown(tmp_path, passed=True)
    assert look(tmp_path, mode="pass").state is CheckState.OK


def test_a_damaged_record_is_an_error_with_a_way_out(tmp_path):
    (tmp_path / "canaries.json").write_text("{")
    with pytest.raises(StateError, match="cannot be read"):
        look(tmp_path)
