"""Where Swift's log lines go: to stderr, which the launcher has pointed at a file, not to syslog."""

import logging
import sys
from typing import Any


def to_stderr(  # noqa: PLR0917 - Swift calls its log hooks with these seven by position
    conf: dict[str, str],
    name: str,
    to_console: bool,
    route: str,
    form: str | None,
    logger: logging.Logger,
    adapted_logger: Any,
) -> None:
    """A `log_custom_handlers` hook of Swift's."""
    del conf, to_console, route, form, adapted_logger
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
        handler.close()
    handler = logging.StreamHandler(sys.__stderr__)
    handler.setFormatter(logging.Formatter(f"%(asctime)s {name} %(levelname)s %(message)s"))
    logger.addHandler(handler)
