"""The error for an image, or a manifest of one, that cannot be used."""

from v2s_tui.domain.errors import ToolError


def unusable(title: str, *, hint: str = "") -> ToolError:
    """No command failed: our own reader or writer says so."""
    return ToolError(title, command="", exit_code=None, stderr_tail="", hint=hint)
