"""API faults of every kind on a few VMs at once: each arrives, once, and nothing else is left."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from lab_stages import ZONE, LabMigration, LabSite

from v2s_tui.domain.errors import ImportRefused, OutsideError
from v2s_tui.domain.planning.stages import stages_for
from v2s_tui.lab.faults import FaultRules

pytestmark = pytest.mark.lab

RULES = """
seed: 11
rules:
  - {server: scaleway, operation: "POST */import-from-object-storage", nth: 2, fault: import_error}
  - {server: scaleway, operation: "POST */import-from-object-storage", nth: [1, 4], cut_after_bytes: 0}
  - {server: scaleway, operation: "POST */volumes", nth: [2, 3], cut_after_bytes: 0}
  - {server: scaleway, operation: "POST */servers", nth: [1, 3], cut_after_bytes: 0}
  - {server: scaleway, operation: "POST */servers", nth: 2, status: 502, body: "<html>Bad gateway</html>"}
  - {server: scaleway, operation: "POST */action", nth: [1, 2], status: 409,
     body: '{"type": "transient_state", "resource": "server", "current_state": "starting"}'}
  - {server: scaleway, operation: "GET *", probability: 0.06, status: 503, body: "<html>busy</html>"}
  - {server: scaleway, operation: "*", probability: 0.08, status: 429}
  - {server: scaleway, operation: "DELETE *", nth: [1, 2], cut_after_bytes: 0}
"""


@pytest.fixture
def strikes(monkeypatch):
    """What went wrong, counted."""
    counted: Counter[str] = Counter()
    match = FaultRules.match

    def counting(self, *, server, operation, subject):
        fault = match(self, server=server, operation=operation, subject=subject)
        if fault is not None:
            counted[operation.partition(" ")[0]] += 1
        return fault

    monkeypatch.setattr(FaultRules, "match", counting)
    return counted


@pytest.fixture
def site(tmp_path, strikes):
    rules = tmp_path / "faults.yaml"
    rules.write_text(RULES)
    made = LabSite(tmp_path / "lab", faults=rules)
    yield made
    made.stop()


def migrate(migration: LabMigration) -> int:
    """All stages, each tried again as the engine does; returns how often one had to be."""
    again = 0
    for stage in stages_for():
        for attempt in range(8):
            try:
                migration.run(stage)
                break
            except ImportRefused:
                again += 1  # an operator's retry: the failed snapshot is replaced
            except OutsideError as err:
                again += 1
                if not err.transient or attempt == 7:
                    raise
    return again


def test_many_faults_make_no_duplicate_and_leave_nothing(site, tmp_path, strikes):
    names = {"tiny-01": "POP2-2C-8G", "tiny-02": "POP2-2C-8G", "tiny-03": "POP2-2C-8G"}
    migrations = [
        LabMigration(site, name, tmp_path, f"0000b00{number}", target_type=type_name)
        for number, (name, type_name) in enumerate(names.items())
    ]
    with ThreadPoolExecutor(3) as pool:
        retries = sum(pool.map(migrate, migrations))

    assert sum(strikes.values()) >= 20
    assert retries >= 3
    state = site.state()
    servers = [each["name"] for each in state["resources"]["server"]]
    assert sorted(servers) == sorted(names)
    assert len(state["resources"]["volume"]) == 4
    assert not state["resources"].get("snapshot")
    assert not state["buckets"][site.bucket]["objects"]
    assert not state["buckets"][site.bucket]["uploads"]
    assert site.source.snapshots_named("v2s-") == ()
    for migration in migrations:
        assert site.cloud.get("instance", ZONE, migration.artifacts.server_id) is not None
