"""The promises of the state file: stock-readable, one writer, nothing acknowledged lost, damage refused."""

import json
import random
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.plans import batch_of, plan_of, vm_named
from tinydb import TinyDB, where

from v2s_tui.adapters.store.batch_state import BatchStateFile
from v2s_tui.adapters.store.journal_storage import JournalledTinyDB, JournalStorage
from v2s_tui.adapters.store.reading import list_batches, read_batch, read_tables
from v2s_tui.adapters.store.session import SessionFile
from v2s_tui.domain.errors import StateError
from v2s_tui.domain.execution.batch import BatchState
from v2s_tui.domain.execution.documents import Change
from v2s_tui.domain.planning.plan import PausePolicy
from v2s_tui.system.locks import LockOwner, is_locked, lock_path


def _batch(count: int = 3) -> BatchState:
    return batch_of(
        plan_of([("all", [vm_named(f"vm-{index}") for index in range(count)], PausePolicy.PAUSE)])
    )


def _filled(path: Path, commits: int) -> list[dict[str, object]]:
    """A storage with so many acknowledged commits; returns what was written, in order."""
    written: list[dict[str, object]] = [
        {"n": number, "text": "é" * (number % 40)} for number in range(commits)
    ]
    storage = JournalStorage(path)
    for number, document in enumerate(written):
        storage.commit([Change("things", number, document)])
    storage.close()
    return written


def test_a_batch_comes_back_as_it_was(tmp_path: Path) -> None:
    batch = _batch()
    store = BatchStateFile.create(tmp_path, batch)
    store.close()
    again = BatchStateFile.open(store.path)
    assert again.load() == batch
    again.close()


def test_stock_tinydb_opens_the_snapshot(tmp_path: Path) -> None:
    store = BatchStateFile.create(tmp_path, _batch())
    store.close()
    with TinyDB(store.path) as database:
        assert database.table("jobs").get(doc_id=1)["vm_name"] == "vm-0"
        assert database.table("batch").all()[0]["batch_id"] == "0a1b2c3d"


def test_tinydb_api_works_over_the_journal(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    with JournalledTinyDB(path) as database:
        table = database.table("vms")
        table.insert_multiple({"name": f"vm-{number}", "cpu": number} for number in range(5))
        table.update({"cpu": 99}, where("name") == "vm-3")
        table.upsert({"name": "vm-9", "cpu": 9}, where("name") == "vm-9")
        table.remove(doc_ids=[1])
        database.table("gone").insert({"a": 1})
        database.drop_table("gone")
    with JournalledTinyDB(path) as database:
        assert [each["name"] for each in database.table("vms")] == ["vm-1", "vm-2", "vm-3", "vm-4", "vm-9"]
        assert database.table("vms").get(where("name") == "vm-3")["cpu"] == 99
        assert database.tables() == {"vms"}


def test_a_state_that_exists_is_not_begun_again(tmp_path: Path) -> None:
    BatchStateFile.create(tmp_path, _batch()).close()
    with pytest.raises(StateError, match="exists already"):
        BatchStateFile.create(tmp_path, _batch(5))
    assert len(list_batches(tmp_path)) == 1


def test_a_second_writer_is_refused_with_the_pid(tmp_path: Path) -> None:
    store = BatchStateFile.create(tmp_path, _batch())
    store.announce(LockOwner(4711, "mover-1"))
    with pytest.raises(StateError, match="process 4711 on mover-1"):
        BatchStateFile.open(store.path)
    store.close()
    BatchStateFile.open(store.path).close()


def test_the_lock_is_released_by_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    code = (
        "import os, sys; from v2s_tui.adapters.store.journal_storage import JournalStorage\n"
        "from v2s_tui.domain.execution.documents import Change\n"
        f"store = JournalStorage({str(path)!r}); store.commit([Change('t', 1, {{'kept': True}})])\n"
        "os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    assert not is_locked(lock_path(path))
    storage = JournalStorage(path)
    assert storage.tables == {"t": {1: {"kept": True}}}
    storage.close()


def test_a_torn_last_line_is_dropped_and_told(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    written = _filled(path, 5)
    journal = path.with_name("state.json.journal.1")
    with journal.open("ab") as stream:
        stream.write(b"000000ff deadbeef [6,[[")
    storage = JournalStorage(path)
    assert list(storage.tables["things"].values()) == written
    assert "torn line" in storage.note
    storage.close()


def test_random_truncations_never_lose_an_acknowledged_change_silently(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    written = _filled(path, 30)
    journal, lock = path.with_name("state.json.journal.1"), lock_path(path)
    whole, count = journal.read_bytes(), lock.read_bytes()
    chance = random.Random(7)
    refused: list[str] = []
    for _ in range(100):
        journal.write_bytes(whole[: chance.randrange(len(whole) + 1)])
        lock.write_bytes(count)
        try:
            storage = JournalStorage(path)
        except StateError as err:
            refused.append(str(err))
            continue
        assert list(storage.tables["things"].values()) == written
        storage.close()
    assert len(refused) > 90
    assert all("lost its last" in each for each in refused)


def test_a_truncation_recovers_to_a_prefix_where_nobody_counted(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    written = _filled(path, 30)
    journal = path.with_name("state.json.journal.1")
    whole = journal.read_bytes()
    chance = random.Random(8)
    for _ in range(100):
        journal.write_bytes(whole[: chance.randrange(len(whole) + 1)])
        lock_path(path).unlink(missing_ok=True)
        storage = JournalStorage(path)
        kept = list(storage.tables.get("things", {}).values())
        assert kept == written[: len(kept)]
        storage.close()


def test_random_bit_flips_are_refused_with_a_message(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    _filled(path, 30)
    journal = path.with_name("state.json.journal.1")
    whole = journal.read_bytes()
    chance = random.Random(9)
    for _ in range(100):
        flipped = bytearray(whole)
        flipped[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
        journal.write_bytes(flipped)
        with pytest.raises(StateError):
            JournalStorage(path)
        with pytest.raises(StateError):
            read_tables(path)


def test_a_flipped_bit_in_the_snapshot_is_refused(tmp_path: Path) -> None:
    store = BatchStateFile.create(tmp_path, _batch())
    store.close()
    text = store.path.read_text().replace("PRO2-XXS", "PRO2-XXL", 1)
    store.path.write_text(text)
    with pytest.raises(StateError, match="does not match its checksum"):
        BatchStateFile.open(store.path)


def test_a_crash_inside_compaction_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state.json"
    storage = JournalStorage(path)
    storage.commit([Change("t", 1, {"a": 1})])

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("v2s_tui.adapters.store.journal_storage.write_snapshot", full)
        with pytest.raises(OSError, match="No space"):
            storage.compact()
    storage.commit([Change("t", 2, {"b": 2})])
    storage.close()
    again = JournalStorage(path)
    assert again.tables == {"t": {1: {"a": 1}, 2: {"b": 2}}}
    again.compact()
    again.close()
    assert [each.name for each in tmp_path.glob("*.journal.*")] == ["state.json.journal.2"]


def test_a_full_disk_stops_before_the_next_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state.json"
    storage = JournalStorage(path)
    storage.commit([Change("t", 1, {"a": 1})])

    def full(_descriptor: int, _data: bytes) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.write", full)
        with pytest.raises(StateError, match="No space left"):
            storage.commit([Change("t", 2, {"b": 2})])
    with pytest.raises(StateError, match="cannot be written"):
        storage.commit([Change("t", 3, {"c": 3})])
    storage.close()
    again = JournalStorage(path)
    assert again.tables == {"t": {1: {"a": 1}}}
    again.close()


def test_a_count_that_cannot_be_written_stops_the_storage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = JournalStorage(tmp_path / "s.json")
    storage.commit([Change("things", 1, {"n": 1})])

    def refuse(_count: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(storage.lock, "write_count", refuse)
    for number in (2, 3):
        with pytest.raises(StateError, match="cannot be written"):
            storage.commit([Change("things", number, {"n": number})])
    storage.close()
    assert read_tables(tmp_path / "s.json")["things"][1] == {"n": 1}
    JournalStorage(tmp_path / "s.json").close()


def test_a_compaction_whose_rename_is_not_synced_stops_the_storage_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = JournalStorage(tmp_path / "s.json", compact_at_bytes=200)

    def refuse(_folder: Path) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("v2s_tui.system.files.sync_folder", refuse)
    acknowledged: list[int] = []

    def write_on() -> None:
        for number in range(50):
            storage.commit([Change("things", number, {"n": number})])
            acknowledged.append(number)

    with pytest.raises(StateError, match="cannot be written"):
        write_on()
    monkeypatch.undo()
    storage.close()
    assert acknowledged
    assert list(read_tables(tmp_path / "s.json")["things"]) == acknowledged
    again = JournalStorage(tmp_path / "s.json")
    assert list(again.tables["things"]) == acknowledged
    again.close()


def test_a_read_only_folder_is_refused_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read_only(*_: object, **__: object) -> int:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("os.open", read_only)
    with pytest.raises(StateError, match="Read-only file system"):
        BatchStateFile.create(tmp_path, _batch())


def test_a_reader_never_sees_a_torn_state(tmp_path: Path) -> None:
    """Each commit writes the same number into two tables: a reader must always find them equal."""
    path = tmp_path / "state.json"
    storage = JournalStorage(path, compact_at_bytes=2000)
    storage.commit([Change("a", 1, {"n": -1}), Change("b", 1, {"n": -1})])
    done = threading.Event()

    def write() -> None:
        for number in range(600):
            storage.commit([Change("a", 1, {"n": number}), Change("b", 1, {"n": number})])
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    seen: list[int] = []
    while not done.is_set():
        tables = read_tables(path)
        assert tables["a"][1] == tables["b"][1]
        seen.append(tables["a"][1]["n"])
    writer.join()
    storage.close()
    assert seen == sorted(seen)
    assert len(seen) > 5


def test_another_version_is_refused_with_both_numbers(tmp_path: Path) -> None:
    store = BatchStateFile.create(tmp_path, _batch())
    header = {**read_tables(store.path)["batch"][1], "version": 99}
    store.commit([Change("batch", 1, header)]).result()
    store.close()
    with pytest.raises(StateError, match="version 99, this v2s reads version 1"):
        read_batch(store.path)


def test_commits_of_many_threads_are_grouped_and_all_kept(tmp_path: Path) -> None:
    batch = _batch(20)
    store = BatchStateFile.create(tmp_path, batch)
    told: list[int] = []

    def commit(number: int) -> None:
        for _ in range(20):
            store.commit([Change("notes", number, {"n": number})], lambda: told.append(number)).result()

    threads = [threading.Thread(target=commit, args=(number,)) for number in range(1, 9)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    store.close()
    assert len(told) == 160
    assert sorted(read_tables(store.path)["notes"]) == list(range(1, 9))


def test_a_commit_nobody_waits_for_any_more_is_written_and_stops_no_other(tmp_path: Path) -> None:
    store = BatchStateFile.create(tmp_path, _batch())
    futures = [store.commit([Change("notes", number, {"n": number})]) for number in range(1, 200)]
    for future in futures[::2]:
        future.cancel()
    store.commit([Change("notes", 999, {"n": 999})]).result(10)
    store.close()
    assert len(read_tables(store.path)["notes"]) == 200


def test_batches_are_listed_newest_first_and_broken_ones_last(tmp_path: Path) -> None:
    old, new = _batch(), _batch(2)
    new = replace(
        new,
        header=replace(new.header, batch_id="ffffffff", created_at=new.header.created_at.replace(year=2027)),
    )
    BatchStateFile.create(tmp_path, old).close()
    BatchStateFile.create(tmp_path, new).close()
    (tmp_path / "batch-state" / "batch-00000000.json").write_text("{")
    listed = list_batches(tmp_path)
    assert [each.header.batch_id for each in listed if each.header] == ["ffffffff", "0a1b2c3d"]
    assert listed[0].total == 2
    assert "no state file" in listed[2].problem


def test_no_secret_is_in_the_state(tmp_path: Path) -> None:
    store = BatchStateFile.create(tmp_path, _batch())
    store.close()
    keys: set[str] = set()

    def walk(thing: object) -> None:
        if isinstance(thing, dict):
            keys.update(thing)
            for each in thing.values():
                walk(each)
        elif isinstance(thing, list):
            for each in thing:
                walk(each)

    walk(json.loads(json.dumps(read_tables(store.path))))
    assert not {key for key in keys if "password" in key.lower() or "secret" in key.lower()}
    assert store.path.stat().st_mode & 0o077 == 0


def test_the_session_keeps_sections(tmp_path: Path) -> None:
    session = SessionFile(tmp_path / "sessions" / "default.json")
    session.put("filters", {"text": "os:linux", "marks": ["vm-1"]})
    session.put("filters", {"text": "os:windows"})
    session.close()
    again = SessionFile(tmp_path / "sessions" / "default.json")
    assert again.get("filters") == {"text": "os:windows"}
    assert again.get("never") == {}
    assert again.sections() == ("filters",)
    with pytest.raises(StateError, match="in use") as refused:
        SessionFile(tmp_path / "sessions" / "default.json")
    assert "v2s --session NAME" in refused.value.hint
    again.close()
