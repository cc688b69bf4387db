"""Parsing and cutting as Ray tasks: on whatever machine has room, and in a process that may die
without harm to anybody else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError, TaskCancelledError

from actors.documents.ports import Cut, DependencyUnavailable, Failure, ParseJob, WorkerDied

CPUS = 0.5
"""Of a core, as Ray counts: so that tasks find room beside whatever else runs on two."""
TIMEOUT_S = 900.0
"""Beyond the limits that a parser has by itself; a queue for a place is part of it."""

_remote: Any = ray.remote  # its overloads know no options


class RayDocumentParser:
    """A `DocumentParser`. `cut` must be importable where the task runs; it raises only bugs.

    A task that dies is not run again by Ray: whoever asked counts how often it did.
    """

    def __init__(
        self, cut: Callable[[ParseJob], Cut], *, cpus: float = CPUS, timeout_s: float = TIMEOUT_S
    ) -> None:
        self._task = _remote(num_cpus=cpus, max_retries=0)(cut)
        self._timeout_s = timeout_s

    async def __call__(self, cutting: ParseJob) -> Cut:
        """See DocumentParser."""
        running = await asyncio.to_thread(self._task.remote, cutting)
        try:
            async with asyncio.timeout(self._timeout_s):
                return await running
        except TimeoutError:
            ray.cancel(running, force=True)
            return Cut(
                failure=Failure(
                    stage="parse",
                    code="too_slow",
                    reason=f"It was not read within {self._timeout_s / 60:.0f} minutes.",
                )
            )
        except asyncio.CancelledError:
            ray.cancel(running, force=True)
            raise
        except RayTaskError:
            raise  # a bug of ours: it is logged with its traceback, and tried again later
        except TaskCancelledError as error:
            raise DependencyUnavailable(f"the task was cancelled: {error}") from error
        except RayError as error:
            raise WorkerDied(f"{type(error).__name__}: {error}"[:300]) from error
