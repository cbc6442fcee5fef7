"""plan.yaml: reading with places, writing without loss, and 200 broken plans without a traceback."""

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from v2s_tui.adapters.formats.plan_yaml import parse_plan, plan_text, read_plan, write_plan
from v2s_tui.domain.errors import PlanError, Position
from v2s_tui.domain.planning.limits import Limits
from v2s_tui.domain.planning.plan import BatchPlan, Exclusion, Migration, PausePolicy, WaveSpec
from v2s_tui.domain.planning.plan_options import Consistency, VolumeClass

PLANS = sorted((Path(__file__).parents[4] / "plans").glob("*.yaml"))
GENERATED = """\
version: 1
metadata:
  generated_at: '2026-02-19T10:11:12.131415'
  vcenter: vcenter.example.com
  total_vms: 2
  linux_vms: 1
  windows_vms: 1
  total_disk_gb: 160.0
defaults:
  zone: fr-par-1
  sizing_strategy: optimize
  tags: [migrated]
  skip_validation: false
  network_mapping: {}
migrations:
- vm_name: web-01
  priority: 5
  target_type: POP2-4C-16G
  notes: BIOS→UEFI conversion required | 4vCPU/16GB/120GB
- vm_name: '010'
  priority: 5
  notes: '2vCPU/4GB/40GB | Microsoft Windows Server 2019 (64-bit)'
"""


@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.name)
def test_the_example_plans_load_and_survive_writing(path: Path) -> None:
    plan = read_plan(path).plan
    assert plan.migrations
    assert parse_plan(plan_text(plan)).plan == plan


def test_the_example_has_what_the_specification_says() -> None:
    plan = read_plan(next(path for path in PLANS if path.name == "example_batch_plan.yaml")).plan
    assert (len(plan.migrations), len(plan.waves), len(plan.exclude)) == (8, 4, 3)
    assert plan.concurrency.global_ == 10


def test_a_plan_of_the_specifications_generator_loads_unchanged() -> None:
    plan = parse_plan(GENERATED).plan
    assert [each.vm_name for each in plan.migrations] == ["web-01", "010"]
    assert parse_plan(plan_text(plan)).plan == plan


def test_all_keys_beyond_the_specification_are_read() -> None:
    plan = read_plan(next(path for path in PLANS if path.name == "cutover_plan.yaml")).plan
    database = plan.migrations[1]
    assert plan.defaults.consistency is Consistency.COLD
    assert database.volume_class is VolumeClass.SBS_15K
    assert database.disks is not None
    assert database.disks[0].skip
    assert database.nics is not None
    assert database.nics[0].addresses == ("10.20.0.15/24",)
    assert plan.extras == {"x-change-ticket": "CHG-20417"}
    assert plan.waves[0].not_before is not None


@pytest.mark.parametrize(
    ("text", "line", "column", "says"),
    [
        ("version: 2\n", 1, 1, "2"),
        ("migrations:\n  - vm_nam: a\n", 2, 5, "did you mean 'vm_name'"),
        ("migrations:\n  - vm_name: a\n    priority: high\n", 3, 5, "high"),
        ("migrations:\n  - vm_name: a\n    vm_pattern: b*\n", 2, 5, "exactly one"),
        ("migrations:\n  - {}\n", 2, 5, "exactly one"),
        ("migrations: 3\n", 1, 1, "3"),
        ("- a\n", 1, 1, ""),
        ("waves:\n  - name: a\n  - name: a\n", 1, 1, "same name"),
        ("waves:\n  - name: a\n    pause_after: stop\n", 3, 5, ""),
        ("defaults: {sizing_strategy: optimise}\n", 1, 12, "did you mean 'optimize'"),
        ("defaults: {rehearse: usrspace}\n", 1, 12, "userspace"),
        ("defaults: {boot_timeout_seconds: 29}\n", 1, 12, "30"),
        ("defaults: {boot_timeout_seconds: 3601}\n", 1, 12, "3600"),
        ("migrations:\n - vm_name: a\n - vm_name: b\n   vm_name: c\n", 4, 4, "twice"),
        ("concurrency: {disk_io: 0}\n", 1, 15, "0"),
        ("concurrency: {disk_oi: 1}\n", 1, 15, "disk_io"),
        ("a: [1\n", 2, 1, ""),
        ("migrations:\n\t- vm_name: a\n", 2, 1, "spaces"),
        ("defaults: !!python/object:os.system {}\n", 1, 11, "tag"),
        ("x: &a [*a]\n", 1, None, ""),
        ("migrations:\n - vm_name: a\n   nics: [{nic: x, mode: static}]\n", 3, 11, "addresses"),
        ("waves:\n - {name: a, not_before: 2026-01-01T10:00:00}\n", 2, 14, "timezone"),
        ("migrations:\n - vm_name: true\n", 2, 4, "quotes"),
    ],
)
def test_mistakes_have_a_place_and_a_fix(text: str, line: int, column: int | None, says: str) -> None:
    with pytest.raises(PlanError) as caught:
        parse_plan(text, file="p.yaml")
    position = caught.value.position
    assert (position.file, position.line) == ("p.yaml", line)
    assert column is None or position.column == column
    assert says in str(caught.value)


def test_several_mistakes_are_all_named() -> None:
    with pytest.raises(PlanError) as caught:
        parse_plan("zone: a\nmigrations:\n - vm_name: a\n   prio: 2\n", file="p.yaml")
    assert caught.value.position.line == 1
    assert "p.yaml:4:4" in caught.value.hint


def test_an_alias_bomb_is_refused() -> None:
    bomb = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))
    with pytest.raises(PlanError, match="too large"):
        parse_plan(bomb)


def test_merge_keys_and_both_limit_vocabularies_work() -> None:
    text = (
        "x-d: &d {zone: nl-ams-1}\nmigrations:\n"
        " - {<<: *d, vm_name: 1.10, zone: pl-waw-2}\n - {<<: *d, vm_name: 7}\n"
    )
    plan = parse_plan(text + "concurrency: {global: 12, max_concurrent_uploads: 2}\n").plan
    assert [(each.vm_name, each.zone) for each in plan.migrations] == [
        ("1.10", "pl-waw-2"),
        ("7", "nl-ams-1"),
    ]
    assert (plan.concurrency.global_, plan.concurrency.s3_upload) == (12, 2)


def test_two_hundred_broken_plans_give_errors_not_tracebacks() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in PLANS[:1])
    rng = random.Random(3)
    failures = 0
    for _ in range(200):
        try:
            parse_plan(_mutated(source, rng), file="p.yaml")
        except PlanError as err:
            failures += 1
            assert err.position.file == "p.yaml"  # noqa: PT017 - mutants that still are plans are fine
    assert failures > 50


def _mutated(text: str, rng: random.Random) -> str:
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(text))
        kind = rng.randrange(4)
        if kind == 0:
            text = text[:at] + text[at + rng.randint(1, 20) :]
        elif kind == 1:
            text = (
                text[:at]
                + rng.choice([":", "-", "\t", "[", "{", "'", '"', "&a", "*a", "\x07", "!!", "é", "|"])
                + text[at:]
            )
        elif kind == 2:
            lines = text.splitlines(keepends=True)
            rng.shuffle(lines)
            text = "".join(lines)
        else:
            text = text[:at] + text[max(0, at - 40) : at] + text[at:]
    return text


_names = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=15)
_migrations = st.builds(
    lambda name, priority, type_, wave, tags, notes: Migration.model_validate(
        {"vm_name": name, "priority": priority, "notes": notes}
        | ({"target_type": type_} if type_ else {})
        | ({"wave": "w"} if wave else {})
        | ({"tags": tags} if tags else {})
    ),
    _names,
    st.integers(1, 1000),
    st.none() | _names,
    st.booleans(),
    st.lists(_names, max_size=3),
    st.text(max_size=10),
)
_plans = st.builds(
    lambda migrations, reason, limit, policy: BatchPlan(
        migrations=tuple(migrations),
        exclude=(Exclusion(vm_pattern="*-x", reason=reason),),
        waves=(WaveSpec(name="w", vms=("a*",), pause_after=policy),),
        concurrency=Limits(max_total_workers=limit),
    ),
    st.lists(_migrations, max_size=4),
    _names,
    st.integers(1, 1000),
    st.sampled_from(PausePolicy),
)


@given(_plans)
@settings(max_examples=60, deadline=None)
def test_what_is_written_is_read_back_equal(plan: BatchPlan) -> None:
    assert parse_plan(plan_text(plan)).plan == plan


def test_writing_keeps_the_previous_version_and_never_overwrites_a_strangers_edit(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    first = write_plan(BatchPlan(migrations=(Migration(vm_name="a"),)), path)
    loaded = read_plan(path)
    assert loaded.digest == first
    second = write_plan(BatchPlan(migrations=(Migration(vm_name="b"),)), path, read_digest=first)
    assert read_plan(path.with_name("plan.yaml.bak")).plan.migrations[0].vm_name == "a"
    path.write_text("version: 1\n", encoding="utf-8")
    with pytest.raises(PlanError, match="changed by someone else"):
        write_plan(loaded.plan, path, read_digest=second)
    with pytest.raises(PlanError, match="exists already"):
        write_plan(loaded.plan, path)
    assert path.read_text(encoding="utf-8") == "version: 1\n"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["plan.yaml", "plan.yaml.bak"]


def test_files_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes("version: 1 # é".encode("latin-1"))
    for name in ("none.yaml", "latin.yaml"):
        with pytest.raises(PlanError, match="cannot be read"):
            read_plan(tmp_path / name)
    with pytest.raises(PlanError, match="cannot be written"):
        write_plan(BatchPlan(), tmp_path / "no" / "plan.yaml")


def test_an_error_that_names_a_key_gets_its_place() -> None:
    loaded = parse_plan("migrations:\n  - vm_name: a\n  - vm_name: b\n", file="p.yaml")
    located = loaded.locate(PlanError("unknown", position=Position(key="migrations[1].vm_name")))
    assert (located.position.line, located.position.column) == (3, 5)
    assert loaded.locate(PlanError("x")).position.line is None
