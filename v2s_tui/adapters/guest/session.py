"""A guest opened by the libguestfs worker: its own process group, a deadline for every call, gone on exit.

The session is the GuestView that planners read, and the only way changes reach a guest's file systems.
"""

import base64
import json
import queue
import shutil
import subprocess
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from types import TracebackType
from typing import IO, Any, Self

from v2s_tui.adapters.guest.appliance import WORKER_PYTHON, ApplianceSettings
from v2s_tui.adapters.guest.linux.view import MAX_TEXT_BYTES
from v2s_tui.domain.errors import Cancelled, ToolError
from v2s_tui.domain.guest.changes import Change, ChangeKind, ChangeRecord
from v2s_tui.domain.guest.facts import GuestFilesystem, MdArray
from v2s_tui.system.processes import kill_group, pasteable, tool_environment

_WORKER = Path(__file__).with_name("worker") / "__main__.py"
_LAUNCH_SECONDS = 300.0
_CALL_SECONDS = 120.0
_MEMORY_MIB = 768


class GuestSession:
    """One appliance on the disks of one VM. Use as a context; leaving it well means that all is written.

    limit_seconds: hard limit of the whole session. Every method raises ToolError (with the worker's last
    words) and Cancelled.
    """

    def __init__(
        self,
        disks: Sequence[Path],
        settings: ApplianceSettings,
        *,
        cancelled: threading.Event,
        disk_format: str = "qcow2",
        readonly: bool = False,
        limit_seconds: float = 900.0,
    ) -> None:
        self._disks = [{"path": str(disk), "format": disk_format, "readonly": readonly} for disk in disks]
        self._settings, self._cancelled, self._readonly = settings, cancelled, readonly
        self._deadline = time.monotonic() + limit_seconds
        self._tail: deque[str] = deque(maxlen=15)
        self._answers: queue.Queue[str | None] = queue.Queue()
        self._argv = [str(WORKER_PYTHON), "-I", str(_WORKER)]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        guard = ["setpriv", "--pdeathsig", "KILL", "--"] if shutil.which("setpriv") else []
        self._process = subprocess.Popen(
            [*guard, *self._argv],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=tool_environment(self._settings.environment()),
            start_new_session=True,
        )
        for stream, sink in ((self._process.stdout, self._hear), (self._process.stderr, self._keep)):
            threading.Thread(target=sink, args=(stream,), daemon=True).start()
        try:
            self.call("launch", disks=self._disks, memory_mib=_MEMORY_MIB, wait_seconds=_LAUNCH_SECONDS)
        except BaseException:
            self._kill()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self.call("finish")
        finally:
            self._kill()

    @property
    def ended(self) -> bool:
        """True when there is no worker process (any more)."""
        return self._process is None or self._process.poll() is not None

    def _hear(self, stream: IO[bytes]) -> None:
        for line in stream:
            self._answers.put(line.decode("utf-8", "replace"))
        self._answers.put(None)

    def _keep(self, stream: IO[bytes]) -> None:
        for line in stream:
            self._tail.append(line.decode("utf-8", "replace").rstrip())

    def _kill(self) -> None:
        if self._process is None:
            return
        kill_group(self._process)
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                try:
                    stream.close()
                except BrokenPipeError:
                    continue

    def call(self, verb: str, *, wait_seconds: float = _CALL_SECONDS, **arguments: Any) -> Any:
        """Ask the worker and wait for its answer."""
        process = self._process
        if process is None or process.stdin is None:
            raise self._failed(f"{verb} was asked of a worker that does not run")
        try:
            process.stdin.write(json.dumps({"verb": verb, "arguments": arguments}).encode() + b"\n")
            process.stdin.flush()
        except (BrokenPipeError, ValueError) as error:
            raise self._failed("the libguestfs worker ended") from error
        answer = self._wait(verb, min(time.monotonic() + wait_seconds, self._deadline))
        if "error" in answer:
            raise self._failed(f"libguestfs could not {verb.replace('_', ' ')}: {answer['error']}")
        return answer["value"]

    def _wait(self, verb: str, deadline: float) -> dict[str, Any]:
        while True:
            if self._cancelled.is_set():
                self._kill()
                raise Cancelled("guest adaptation was stopped")
            try:
                line = self._answers.get(timeout=0.5)
            except queue.Empty:
                if time.monotonic() > deadline:
                    self._kill()
                    raise self._failed(f"libguestfs did not {verb} in time") from None
                continue
            if line is None:
                raise self._failed(f"the libguestfs worker ended during {verb}")
            answer: dict[str, Any] = json.loads(line)
            return answer

    def _failed(self, title: str) -> ToolError:
        code = self._process.poll() if self._process else None
        tail = "\n".join(self._tail)
        return ToolError(
            title, command=pasteable(self._argv), exit_code=code, stderr_tail=tail, hint=_hint(tail)
        )

    # --- what is on the disks -------------------------------------------------------------------------------

    def filesystems(self) -> tuple[tuple[GuestFilesystem, ...], tuple[str, ...]]:
        """Everything with a content that is known, and the storage layers found: `lvm`, `md`, `luks`,
        `btrfs`.
        """
        survey = self.call("survey")
        found = tuple(_filesystem(each) for each in survey["filesystems"])
        kinds = {each.kind for each in found}
        layers = [
            name
            for name, present in (
                ("lvm", bool(survey["volumes"])),
                ("md", bool(survey["arrays"])),
                ("luks", "crypto_LUKS" in kinds),
                ("btrfs", "btrfs" in kinds),
            )
            if present
        ]
        return found, tuple(layers)

    def mount(self, device: str, mountpoint: str, *, subvolume: str = "") -> None:
        """Mount in the appliance, never on this host."""
        self.call("mount", device=device, mountpoint=mountpoint, readonly=self._readonly, subvolume=subvolume)

    def subvolumes(self) -> tuple[tuple[str, ...], str]:
        """Of the btrfs at /: paths from the top level, and the default's path ("" the top level)."""
        found = self.call("subvolumes")
        return tuple(found["paths"]), found["default"]

    def unmount_all(self) -> None:
        self.call("umount_all")

    def free_bytes(self, path: str) -> int:
        return int(self.call("free_bytes", path=path))

    # --- the guest's files (GuestView) ----------------------------------------------------------------------

    def read_bytes(self, path: str, *, limit_bytes: int = MAX_TEXT_BYTES) -> bytes | None:
        content = self.call("read", path=path, limit_bytes=limit_bytes)
        return None if content is None else base64.b64decode(content)

    def read_text(self, path: str) -> str | None:
        content = self.read_bytes(path)
        return None if content is None else content.decode("utf-8", "surrogateescape")

    def head(self, path: str, length: int) -> bytes:
        """The first bytes of a regular file; empty when there is none."""
        content = self.call("head", path=path, length=length)
        return b"" if content is None else base64.b64decode(content)

    def is_file(self, path: str) -> bool:
        return S_ISREG(self._mode(path))

    def is_folder(self, path: str) -> bool:
        return S_ISDIR(self._mode(path))

    def size_bytes(self, path: str) -> int:
        status = self.call("status", path=path, follow=True)
        return int(status["size"]) if status else 0

    def _mode(self, path: str) -> int:
        status = self.call("status", path=path, follow=True)
        return int(status["mode"]) if status else 0

    def checksum(self, path: str) -> str:
        """SHA-256 of a regular file, hex; "" when there is none."""
        return str(self.call("checksum", path=path))

    def glob(self, pattern: str) -> tuple[str, ...]:
        return tuple(sorted(self.call("glob", pattern=pattern)))

    def link_target(self, path: str) -> str | None:
        target = self.call("link_target", path=path)
        return None if target is None else str(target)

    def download(self, path: str, target: Path, *, limit_bytes: int) -> bool:
        """Copy a regular file out; False when there is none or it is larger than the limit."""
        return bool(self.call("download", path=path, target=str(target), limit_bytes=limit_bytes))

    # --- changes --------------------------------------------------------------------------------------------

    def apply(self, changes: Sequence[Change]) -> tuple[ChangeRecord, ...]:
        """Make the changes in order; the guest keeps what was there before."""
        plain = [
            {
                **asdict(change),
                "kind": change.kind.value,
                "content": base64.b64encode(change.content).decode(),
            }
            for change in changes
        ]
        done = self.call("apply", changes=plain, wait_seconds=300)
        return tuple(_record(each) for each in done)

    def run(self, arguments: Sequence[str], *, wait_seconds: float) -> str:
        """Run a program of the guest in the appliance; what it printed on its standard output."""
        return str(self.call("run", arguments=list(arguments), wait_seconds=wait_seconds))

    def replace(self, path: str, source: str, reason: str) -> ChangeRecord:
        """Give a file the content of another one of the guest, which goes; the old one is saved."""
        return _record(self.call("replace", path=path, source=source, reason=reason, wait_seconds=300))

    def real_case(self, path: str) -> str | None:
        """The path as it is written on a volume that ignores case; None when there is none."""
        found = self.call("real_case", path=path)
        return None if found is None else str(found)

    def hive_read(self, path: str, keys: Sequence[str]) -> list[dict[str, Any] | None]:
        """For each key its values as {name: [type, base64]} and its subkeys' names; None when missing."""
        return list(self.call("hive_read", path=path, keys=list(keys)))

    def hive_edit(self, path: str, edits: Sequence[dict[str, Any]], reason: str) -> tuple[ChangeRecord, ...]:
        """Set registry values; no record when all of them were there."""
        done = self.call("hive_edit", path=path, edits=list(edits), reason=reason)
        return tuple(_record(each) for each in done)

    def undo(self, records: Sequence[ChangeRecord]) -> None:
        """Take changes back, byte for byte."""
        self.call("undo", records=[{**asdict(each), "kind": str(each.kind)} for each in records])


def _filesystem(plain: dict[str, Any]) -> GuestFilesystem:
    return GuestFilesystem(**{**plain, "array": MdArray(**plain["array"]) if plain["array"] else None})


def _record(plain: dict[str, Any]) -> ChangeRecord:
    return ChangeRecord(**{**plain, "kind": ChangeKind(plain["kind"])})


def _hint(tail: str) -> str:
    if "failed to find a suitable kernel" in tail:
        return "run `v2s doctor --fix`: libguestfs needs a kernel for its appliance"
    if "No module named 'guestfs'" in tail:
        return "install the packages python3-guestfs and libguestfs-xfs"
    return ""
