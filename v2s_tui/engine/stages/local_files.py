"""Whether files of earlier stages are still what was recorded of them."""

import hashlib
from pathlib import Path

from v2s_tui.domain.execution.artifacts import FileEvidence


def same_size(evidence: FileEvidence | None) -> bool:
    """Quick look within a batch: the file exists and has its size."""
    if evidence is None:
        return False
    path = Path(evidence.path)
    return path.is_file() and path.stat().st_size == evidence.size_bytes


def what_is_wrong(evidence: FileEvidence | None, what: str) -> tuple[str, ...]:
    """Thorough look on resume: size, and content where a digest was recorded. Empty when all holds."""
    if evidence is None:
        return (f"{what} was never recorded",)
    if not Path(evidence.path).is_file():
        return (f"{what} is missing",)
    if not same_size(evidence):
        return (f"{what} has another size",)
    if evidence.sha256 and _sha256(Path(evidence.path)) != evidence.sha256:
        return (f"{what} has other content",)
    return ()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
