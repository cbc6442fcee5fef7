"""Faults on demand: a rule file says which call of which lab server goes wrong, and how.

    seed: 7                                # makes `probability` repeatable
    rules:
      - {server: vcenter, operation: CreateSnapshot_Task, subject: "web-*", first: 2, fault: TaskInProgress}
      - {server: vcenter, operation: "GET /nfc/*", nth: 3, cut_after_bytes: 1000000}
      - {server: scaleway, operation: "POST */servers", probability: 0.2, status: 429}

Owns the rule model, its counters and the decision whether a rule strikes; carrying the fault out is the
business of each server. Rules are tried in file order, every rule that fits counts the call, the first that
strikes wins.
"""

import random
import threading
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

ServerName = Literal["*", "vcenter", "objectstorage", "scaleway"]


class FaultFileError(ValueError):
    """The rule file cannot be read or holds something that is no rule."""


class Fault(BaseModel):
    """What goes wrong. Several may be combined; a server ignores what has no meaning for the call at hand.

    delay_seconds: wait before answering. fault: the protocol's fault type (`NotAuthenticated`, ...).
    in_task: where the call starts a task, raise `fault` as that task's error, not from the call itself.
    status, body, headers: answer this instead; after_effect: although the call was carried out (Scaleway's
    API). cut_after_bytes: close the connection after so many bytes of the body. stall_seconds: stop sending
    for so long, after stall_after_bytes of the body.
    bytes_per_second: send no faster. lease: `error` instead of ready, `timeout` at once after ready, URLs
    with the `wrong-thumbprint` of their host, or of a host that is `unreachable`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    delay_seconds: float = Field(0.0, ge=0)
    fault: str | None = None
    in_task: bool = True
    status: int | None = Field(None, ge=100, le=599)
    body: str = ""
    headers: dict[str, str] = Field(default_factory=dict)
    after_effect: bool = False
    cut_after_bytes: int | None = Field(None, ge=0)
    stall_seconds: float = Field(0.0, ge=0)
    stall_after_bytes: int = Field(0, ge=0)
    bytes_per_second: int | None = Field(None, gt=0)
    lease: Literal["error", "timeout", "wrong-thumbprint", "unreachable"] | None = None


class FaultRule(Fault):
    """A fault and the calls it strikes.

    operation, subject: globs; operation is a method name (`PowerOnVM_Task`) or `VERB /path`, subject the name
    of the object touched ("" where there is none, which only `*` fits). nth: strike these calls only, counted
    from 1 among the calls that fit. first: strike the first so many. times: strike so often at most.
    probability: strike this share of the calls, drawn from the file's seed.
    """

    server: ServerName = "*"
    operation: str = "*"
    subject: str = "*"
    nth: int | tuple[int, ...] | None = None
    first: int | None = Field(None, ge=1)
    times: int | None = Field(None, ge=1)
    probability: float = Field(1.0, ge=0, le=1)

    def fits(self, *, server: str, operation: str, subject: str) -> bool:
        """Whether the rule is about this call at all."""
        return (
            self.server in ("*", server)
            and fnmatchcase(operation, self.operation)
            and fnmatchcase(subject, self.subject)
        )

    def chooses(self, call_number: int) -> bool:
        """Whether the rule means the call_number-th call that fits it, counted from 1."""
        if self.nth is not None:
            return call_number in (self.nth if isinstance(self.nth, tuple) else (self.nth,))
        return self.first is None or call_number <= self.first


class _Counter:
    """How often a rule fitted and struck, and its own source of chance."""

    def __init__(self, seed: str) -> None:
        self.calls = 0
        self.strikes = 0
        self.chance = random.Random(seed)

    def count(self, rule: FaultRule) -> bool:
        """Count one call that fits, and say whether the rule would strike it."""
        self.calls += 1
        drawn = self.chance.random() < rule.probability
        exhausted = rule.times is not None and self.strikes >= rule.times
        return drawn and not exhausted and rule.chooses(self.calls)


class FaultRules:
    """The rules in force; safe to ask from many threads."""

    def __init__(self, rules: Iterable[FaultRule] = (), *, seed: int = 0) -> None:
        self._lock = threading.Lock()
        self._seed = seed
        self._rules: list[tuple[FaultRule, _Counter]] = []
        self.replace(rules)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a rule file. Raises FaultFileError with the place of the mistake."""
        try:
            document = yaml.safe_load(path.read_text(encoding="utf-8"))
            return cls.parse(document)
        except (OSError, yaml.YAMLError, FaultFileError) as err:
            raise FaultFileError(f"{path}: {err}") from err

    @classmethod
    def parse(cls, document: Any) -> Self:
        """Build rules from a loaded document: a list of rules, or a mapping with `rules` and `seed`."""
        content = {"rules": document} if isinstance(document, list) else (document or {})
        try:
            file = _RuleFile.model_validate(content)
        except ValidationError as err:
            raise FaultFileError(str(err)) from err
        return cls(file.rules, seed=file.seed)

    def replace(self, rules: Iterable[FaultRule]) -> None:
        """Put these rules in force, with fresh counters."""
        fresh = [(rule, _Counter(f"{self._seed}:{index}")) for index, rule in enumerate(rules)]
        with self._lock:
            self._rules = fresh

    def match(self, *, server: str, operation: str, subject: str = "") -> Fault | None:
        """Count this call and say which fault strikes it, if any."""
        struck: Fault | None = None
        with self._lock:
            for rule, counter in self._rules:
                if not rule.fits(server=server, operation=operation, subject=subject):
                    continue
                if counter.count(rule) and struck is None:
                    counter.strikes += 1
                    struck = rule
        return struck

    def strikes(self) -> list[tuple[FaultRule, int]]:
        """Each rule with how often it struck: a test can tell that its fault really happened."""
        with self._lock:
            return [(rule, counter.strikes) for rule, counter in self._rules]


class _RuleFile(BaseModel):
    model_config = ConfigDict(extra="forbid")
    seed: int = 0
    rules: list[FaultRule] = Field(default_factory=list)
