"""How often and how patiently a transient failure is tried again: bounded, jittered, named per stage."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from v2s_tui.domain.execution.failures import Failure
from v2s_tui.domain.planning.stages import Stage


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """attempts: runs in all, the first included. The n-th wait is base * 2^(n-1), at most cap, jittered
    down.
    """

    attempts: int = 4
    base_seconds: float = 5.0
    cap_seconds: float = 300.0

    def wait_seconds(self, attempt: int, jitter: float) -> float:
        """Pause after the attempt-th run failed (1 is the first). jitter in [0, 1): 0 waits longest.

        Half of the wait is fixed and half is jittered, so that VMs that failed together do not return
        together.
        """
        full = min(self.cap_seconds, self.base_seconds * 2 ** (attempt - 1))
        return float(full * (1 - jitter / 2))


DEFAULT_POLICY = RetryPolicy()

POLICIES: Mapping[Stage, RetryPolicy] = {
    Stage.VALIDATE: RetryPolicy(attempts=3, base_seconds=2, cap_seconds=30),
    Stage.SNAPSHOT: RetryPolicy(attempts=3, base_seconds=10, cap_seconds=60),
    Stage.EXPORT: RetryPolicy(attempts=4, base_seconds=10, cap_seconds=300),
    Stage.UPLOAD_S3: RetryPolicy(attempts=6, base_seconds=5, cap_seconds=120),
    Stage.IMPORT_SCW: RetryPolicy(attempts=5, base_seconds=10, cap_seconds=300),
    Stage.CREATE_INSTANCE: RetryPolicy(attempts=5, base_seconds=10, cap_seconds=300),
    Stage.VERIFY: RetryPolicy(attempts=4, base_seconds=10, cap_seconds=120),
    Stage.CLEANUP: RetryPolicy(attempts=5, base_seconds=5, cap_seconds=120),
}


def policies_with(
    *, retry_count: int | None = None, delay_seconds: float | None = None
) -> Mapping[Stage, RetryPolicy]:
    """Every stage's policy with the operator's own count of retries and first pause; None leaves its own.

    The pause still doubles from one retry to the next, up to the stage's cap or the pause itself.
    """
    return {stage: _with(policy_of(stage), retry_count, delay_seconds) for stage in Stage}


def _with(policy: RetryPolicy, retry_count: int | None, delay_seconds: float | None) -> RetryPolicy:
    if retry_count is not None:
        policy = replace(policy, attempts=retry_count + 1)
    if delay_seconds is not None:
        cap = max(policy.cap_seconds, delay_seconds)
        policy = replace(policy, base_seconds=delay_seconds, cap_seconds=cap)
    return policy


def policy_of(stage: Stage, policies: Mapping[Stage, RetryPolicy] = POLICIES) -> RetryPolicy:
    """The policy of a stage; the default one where it has none of its own."""
    return policies.get(stage, DEFAULT_POLICY)


def retries(failure: Failure, attempt: int, policy: RetryPolicy) -> bool:
    """True when the attempt-th run of a stage that failed so is followed by another."""
    return failure.transient and failure.retry_safe and attempt < policy.attempts
