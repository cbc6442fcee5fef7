"""The catalogue explains failures; retries are bounded, jittered and for transient failures only."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from v2s_tui.domain import errors
from v2s_tui.domain.execution.failures import CATALOGUE, FailureKind, classify
from v2s_tui.domain.execution.retry import POLICIES, RetryPolicy, policies_with, policy_of, retries
from v2s_tui.domain.planning.stages import Stage


def _tool(stderr: str) -> errors.ToolError:
    return errors.ToolError("qemu-img ended", command="qemu-img", exit_code=1, stderr_tail=stderr)


@pytest.mark.parametrize(
    ("error", "kind", "signature"),
    [
        (errors.LoginRefused("refused"), FailureKind.SOURCE, "login-refused"),
        (errors.SourceUnreachable("certificate verify failed"), FailureKind.NETWORK, "certificate"),
        (
            errors.SourceUnreachable("No TLS connection to vc:443: EOF occurred (_ssl.c:2427)"),
            FailureKind.NETWORK,
            "source-unreachable",
        ),
        (errors.LeaseFailed("the stream was cut at byte 12"), FailureKind.NETWORK, "stream-cut"),
        (
            errors.LeaseFailed("the disk stream is damaged at byte 12: it was cut"),
            FailureKind.NETWORK,
            "stream-cut",
        ),
        (
            errors.LeaseFailed("the disk stream is damaged at byte 12: grain 7 does not inflate"),
            FailureKind.NETWORK,
            "stream-damaged",
        ),
        (errors.LeaseFailed("disk 0 arrived damaged: SHA-1 1"), FailureKind.NETWORK, "stream-damaged"),
        (errors.LeaseFailed("esx-1 sent nothing for 120 seconds"), FailureKind.NETWORK, "stream-stalled"),
        (errors.LeaseFailed("lease timed out"), FailureKind.SOURCE, "lease-timeout"),
        (errors.LeaseFailed("error"), FailureKind.SOURCE, "lease-failed"),
        (errors.SourceError("cannot quiesce this virtual machine"), FailureKind.SOURCE, "snapshot-failed"),
        (errors.WorkDiskFull("full"), FailureKind.SPACE, "work-disk-full"),
        (_tool("write: No space left on device"), FailureKind.SPACE, "no-space"),
        (_tool("Image is corrupt"), FailureKind.DISK, "image-damaged"),
        (_tool("guestfs_launch failed"), FailureKind.GUEST, "guest-adaptation"),
        (
            errors.BootNotProven("no", hint="console: no x509 certificate"),
            FailureKind.GUEST,
            "boot-not-proven",
        ),
        (OSError(28, "No space left on device"), FailureKind.SPACE, "host-full"),
        (OSError(30, "Read-only file system", "/srv/v2s/a"), FailureKind.DISK, "host-files"),
        (errors.StorageUnavailable("503"), FailureKind.STORAGE, "storage-unavailable"),
        (errors.QuotaExceeded("instances"), FailureKind.QUOTA, "quota"),
        (errors.ImportRefused("not qcow2"), FailureKind.API, "import-refused"),
        (errors.RateLimited("429"), FailureKind.API, "rate-limited"),
        (ZeroDivisionError("division by zero"), FailureKind.BUG, "bug-ZeroDivisionError"),
    ],
)
def test_known_failures_get_cause_and_fix(error: Exception, kind: FailureKind, signature: str) -> None:
    failure = classify(error, detail="Traceback ...")
    assert (failure.kind, failure.signature) == (kind, signature)
    assert failure.cause
    assert failure.fix


def test_the_adapters_own_hint_goes_before_the_catalogues() -> None:
    assert classify(errors.QuotaExceeded("full", hint="ask for 20 more")).fix == "ask for 20 more"


def test_a_guest_that_must_be_mended_at_the_source_says_how_the_change_gets_here() -> None:
    error = errors.BootNotProven("no login", hint="rebuild the initramfs in the source VM")
    assert classify(error).fix.startswith("rebuild the initramfs in the source VM. After a change at the")
    assert "retry from snapshot" in classify(error).fix


def test_only_a_bug_carries_its_traceback() -> None:
    assert classify(ValueError("x"), detail="Traceback").detail == "Traceback"
    assert classify(_tool("last line"), detail="Traceback").detail == "last line"


def test_every_signature_is_named_once() -> None:
    names = [line.id for line in CATALOGUE]
    assert len(set(names)) == len(names)


def test_transient_failures_are_retried_until_the_policy_ends() -> None:
    cut = classify(errors.LeaseFailed("cut"))
    policy = RetryPolicy(attempts=3)
    assert [retries(cut, attempt, policy) for attempt in (1, 2, 3)] == [True, True, False]


@pytest.mark.parametrize("error", [errors.QuotaExceeded("q"), errors.ImportRefused("r"), ValueError("bug")])
def test_what_waiting_does_not_mend_is_not_retried(error: Exception) -> None:
    assert not retries(classify(error), 1, RetryPolicy())


@given(attempt=st.integers(1, 60), jitter=st.floats(0, 0.999), stage=st.sampled_from(list(Stage)))
def test_waits_grow_to_a_cap_and_never_vanish(attempt: int, jitter: float, stage: Stage) -> None:
    policy = policy_of(stage, POLICIES)
    wait = policy.wait_seconds(attempt, jitter)
    assert policy.base_seconds / 2 <= wait <= policy.cap_seconds
    assert policy.wait_seconds(attempt + 1, jitter) >= wait


def test_the_operators_own_retries_hold_for_every_stage() -> None:
    policies = policies_with(retry_count=1, delay_seconds=400)
    assert set(policies) == set(Stage)
    assert {each.attempts for each in policies.values()} == {2}
    assert {each.wait_seconds(1, jitter=0) for each in policies.values()} == {400}
    assert all(policies_with()[stage] == policy for stage, policy in POLICIES.items())
    assert policies_with(retry_count=0)[Stage.EXPORT].base_seconds == POLICIES[Stage.EXPORT].base_seconds


def test_no_pause_between_retries_is_possible() -> None:
    assert policies_with(delay_seconds=0)[Stage.EXPORT].wait_seconds(5, jitter=0) == 0
