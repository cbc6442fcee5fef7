"""The fault rule file: which calls a rule strikes, how often, and what is refused."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from v2s_tui.lab.faults import FaultFileError, FaultRules


def strikes(rules: FaultRules, calls: int, operation: str = "Op", subject: str = "") -> list[bool]:
    return [
        rules.match(server="vcenter", operation=operation, subject=subject) is not None for _ in range(calls)
    ]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({}, [True, True, True, True]),
        ({"nth": 2}, [False, True, False, False]),
        ({"nth": [1, 4]}, [True, False, False, True]),
        ({"first": 2}, [True, True, False, False]),
        ({"times": 3}, [True, True, True, False]),
        ({"probability": 0.0}, [False, False, False, False]),
    ],
)
def test_which_calls_are_struck(rule, expected):
    assert strikes(FaultRules.parse([{**rule, "status": 503}]), 4) == expected


@pytest.mark.parametrize(
    ("server", "operation", "subject", "fits"),
    [
        ("vcenter", "CreateSnapshot_Task", "web-prod-01", True),
        ("scaleway", "CreateSnapshot_Task", "web-prod-01", False),
        ("vcenter", "RemoveSnapshot_Task", "web-prod-01", False),
        ("vcenter", "CreateSnapshot_Task", "db-prod-01", False),
    ],
)
def test_globs_on_server_operation_and_subject(server, operation, subject, fits):
    rules = FaultRules.parse(
        [{"server": "vcenter", "operation": "Create*", "subject": "web-*", "fault": "X"}]
    )
    assert (rules.match(server=server, operation=operation, subject=subject) is not None) is fits


def test_the_first_rule_that_strikes_wins_but_all_count():
    rules = FaultRules.parse([{"first": 1, "status": 500}, {"nth": 2, "status": 503}])
    struck = [rules.match(server="scaleway", operation="GET /x") for _ in range(3)]
    assert [fault.status if fault else None for fault in struck] == [500, 503, None]
    assert [count for _, count in rules.strikes()] == [1, 1]


@given(st.integers(0, 1000), st.floats(0.05, 0.95))
def test_chance_is_repeatable_for_a_seed(seed, probability):
    document = {"seed": seed, "rules": [{"probability": probability, "status": 503}]}
    assert strikes(FaultRules.parse(document), 50) == strikes(FaultRules.parse(document), 50)


def test_probability_is_about_right():
    struck = strikes(FaultRules.parse([{"probability": 0.3, "status": 503}]), 2000)
    assert 500 < sum(struck) < 700


def test_counting_is_safe_among_threads():
    rules = FaultRules.parse([{"times": 100, "status": 503}])
    found: list[int] = []

    def call_often() -> None:
        found.append(sum(strikes(rules, 100)))

    threads = [threading.Thread(target=call_often) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(found) == 100


def test_a_rule_file_is_read(tmp_path):
    path = tmp_path / "faults.yaml"
    path.write_text("seed: 7\nrules:\n  - {server: objectstorage, operation: 'PUT *', cut_after_bytes: 10}\n")
    fault = FaultRules.load(path).match(server="objectstorage", operation="PUT /bucket/key")
    assert fault is not None
    assert fault.cut_after_bytes == 10


@pytest.mark.parametrize(
    "text", ["rules: [{srver: vcenter}]", "rules: [{server: moon}]", "{", "rules: [{probability: 2}]"]
)
def test_what_is_no_rule_is_refused_with_the_files_name(tmp_path, text):
    path = tmp_path / "faults.yaml"
    path.write_text(text)
    with pytest.raises(FaultFileError, match=r"faults\.yaml"):
        FaultRules.load(path)
