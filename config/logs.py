"""How every process of the house writes its log: one line of JSON, or of plain words."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Literal

import structlog
from structlog.typing import Processor

Level = Literal["debug", "info", "warning", "error"]


def set_up_logs(level: Level = "info", *, file: Path | None = None, json: bool = False) -> None:
    """Set up structlog for this process. Call it once, first thing.

    `file` gets the log, in JSON (`up`, whose terminal belongs to the checklist); without it
    stderr does, in JSON when asked or when it is no terminal. Warnings and errors of libraries
    that use `logging` take the same way. Raises OSError when the file cannot be opened.
    """
    out = file.open("a", buffering=1) if file is not None else sys.stderr
    machine = json or file is not None or not out.isatty()
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        structlog.processors.StackInfoRenderer(),
    ]
    last: list[Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if machine
        else [structlog.dev.ConsoleRenderer()]
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for room in ("events", "actors", "projections", "serve_apps", "config", "tandem"):
        logging.getLogger(room).setLevel(level.upper())
