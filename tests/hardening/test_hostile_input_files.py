"""Plans, configurations and filters written by somebody careless or hostile: words, never a traceback."""

import random
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from campaign import STRANGE_VALUES, Campaign, damaged_bytes, mutated
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from v2s_tui.adapters.formats.bundled_catalogue import bundled_catalogue
from v2s_tui.adapters.formats.plan_yaml import parse_plan, read_plan
from v2s_tui.config.load import load_config
from v2s_tui.domain.errors import ConfigError, FilterError, InputError, PlanError
from v2s_tui.domain.planning.resolve import resolve
from v2s_tui.domain.source.filters import parse_filter
from v2s_tui.domain.source.inventory import Inventory
from v2s_tui.domain.source.vm import Vm

PLANS = sorted((Path(__file__).parents[2] / "plans").glob("*.yaml"))
TWENTY = Inventory(
    tuple(
        Vm(moref=f"vm-{index}", name=f"{name}-{index:02}", cpu_count=2, memory_mb=4096, folder="/DC1/Prod")
        for index, name in enumerate(["web-prod", "web-dev", "db", "win-app"] * 5)
    ),
    "vc",
    datetime(2026, 1, 1, tzinfo=UTC),
    (),
)
SMALL = {
    "version": 1,
    "defaults": {
        "zone": "fr-par-1",
        "sizing_strategy": "cost",
        "tags": ["a"],
        "network_mapping": {"*": "none"},
    },
    "migrations": [{"vm_name": "web-prod-00", "target_type": "PRO2-XXS"}, {"vm_pattern": "web-*"}],
    "exclude": [{"vm_pattern": "win-*", "reason": "later"}, {"filter": "cpu:>8"}],
    "waves": [{"name": "one", "vms": ["web-prod-*"], "pause_after": "pause"}],
}
CONFIG = {
    "vmware": {"vcenter": "vc", "port": 443, "username": "me", "password_env": "X", "ca_file": "/ca.pem"},
    "scaleway": {
        "access_key_env": "A",
        "secret_key_file": "/s",
        "organization_id": "o",
        "project_id": "p",
        "default_zone": "fr-par-1",
        "s3_region": "fr-par",
        "s3_bucket": "b",
        "api_url": "https://a",
        "max_rate": ["300Mbit/s 08:00-19:00"],
    },
    "conversion": {"work_dir": "/w", "compress_qcow2": True},
    "migration": {"retry_count": 3, "retry_delay_seconds": 30},
    "filters": {"prod": "os:linux tag:prod"},
    "keys": {"quit": "q"},
}


def test_mutated_plans_are_taken_or_refused_in_words() -> None:
    chance, campaign = random.Random(9), Campaign((PlanError,))
    documents = [yaml.safe_load(path.read_text()) for path in PLANS]
    assert documents
    for _ in range(200):
        text = yaml.dump(mutated(chance.choice(documents), chance), allow_unicode=True)
        campaign.feed(lambda text=text: parse_plan(text))
    campaign.report("plans, mutated values")
    assert campaign.counted["refused as PlanError"] > 50


def test_plans_that_parse_also_resolve() -> None:
    """What the parser lets through must not break later either."""
    chance, campaign = random.Random(19), Campaign((InputError,))
    for _ in range(300):
        text = yaml.dump(mutated(SMALL, chance), allow_unicode=True)
        campaign.feed(lambda text=text: resolve(parse_plan(text).plan, TWENTY, bundled_catalogue))
    campaign.report("plans, parsed and resolved")
    assert campaign.counted["taken"] > 20


def test_damaged_plan_files(tmp_path: Path) -> None:
    chance, campaign = random.Random(10), Campaign((PlanError,))
    path = tmp_path / "plan.yaml"
    for _ in range(150):
        path.write_bytes(damaged_bytes(chance.choice(PLANS).read_bytes(), chance))
        campaign.feed(lambda: read_plan(path))
    campaign.report("plans, damaged bytes")


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{new}: &{new} [{','.join([f'*{old}'] * 9)}]\n"
    for old, new in zip("abcdefghi", "bcdefghij", strict=True)
)


@pytest.mark.parametrize(
    "text",
    [
        BOMB,
        "[" * 3000,
        "a: &a [*a]\nmigrations: *a",
        "? {a: b}\n: c",
        "--- a\n--- b",
        "migrations: !!python/object/apply:os.system ['true']",
        "<<: [1, 2]",
        "version: 1\nversion: 1",
        "version: 1\n\tmigrations: []",
        "- " * 2000,
        "%YAML 9.9\n---\nversion: 1",
        "migrations: {vm_pattern: '" + "(" * 4000 + "'}",
    ],
)
def test_yaml_that_means_harm(text: str) -> None:
    """Bombs, loops, objects and depth are refused, in bounded time and memory."""
    started = time.process_time()
    with pytest.raises(PlanError):
        parse_plan(text)
    assert time.process_time() - started < 5


def test_mutated_configurations(tmp_path: Path) -> None:
    chance, campaign = random.Random(11), Campaign((ConfigError,))
    path = tmp_path / "migration.yaml"
    for number in range(200):
        path.write_text(yaml.dump(mutated(CONFIG, chance), allow_unicode=True))
        if number % 4 == 0:
            path.write_bytes(damaged_bytes(path.read_bytes(), chance))
        campaign.feed(lambda: load_config(path, {"HOME": "/nowhere"}))
    campaign.report("configurations")
    assert campaign.counted["refused as ConfigError"] > 50


WORDS = [
    "os:linux",
    "name:web-*",
    "!",
    "tag:",
    "cpu:>=4",
    "disk:<",
    '"',
    "'",
    "\\",
    "(",
    "regex:(a+)+$",
    "@x",
    ":",
    "ram:1e999",
    "cpu:>=-1",
    "!!os:x",
    "\u202e",
    "\0",
    "folder:/a/../b",
    "cpu:٣",
    "re:[",
]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.one_of(st.sampled_from(WORDS), st.text(max_size=12)), max_size=6), st.sampled_from(["", " "])
)
def test_any_filter_text_parses_or_points_at_its_mistake(parts: list[str], glue: str) -> None:
    text = glue.join(parts)
    column = mistake_in(text)
    assert column is None or 1 <= column <= len(text) + 1


def mistake_in(text: str) -> int | None:
    """Where the mistake is (0: it does not say); None when the filter is sound."""
    try:
        parse_filter(text).matches(Vm(moref="vm-1", name="a" * 60))
    except FilterError as mistake:
        return mistake.position.column or 0
    return None


def test_strange_values_reach_every_key() -> None:
    """Each key of a plan gets each strange value once."""
    campaign = Campaign((PlanError,))
    for key in ("version", "defaults", "concurrency", "migrations", "exclude", "waves", "post_migration"):
        for value in STRANGE_VALUES:
            document = {"version": 1, "migrations": [{"vm_name": "a"}], key: value}
            campaign.feed(lambda d=document: parse_plan(yaml.dump(d, allow_unicode=True)))
    campaign.report("plans, every key with strange values")
