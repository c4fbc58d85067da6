"""The cohort's report as a long work: its steps, and the page at the end."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from hubmap_viewer.loading import Sources
from trainer.errors import Cancelled
from trainer.report.page import build, write


@dataclass(frozen=True, slots=True)
class ReportStep:
    """How far a report is; `done` of `total`."""

    what: str
    done: float
    total: int = 1


def report_steps(
    sources: Sources, out: Path
) -> Callable[[Callable[[], bool]], Iterator[ReportStep]]:
    """The work that reads the cohort and writes the page; cancelled, it leaves no page."""

    def steps(cancelled: Callable[[], bool]) -> Iterator[ReportStep]:
        heard: queue.SimpleQueue[ReportStep] = queue.SimpleQueue()

        def hear(what: str, done: float) -> None:
            if cancelled():
                raise Cancelled
            heard.put(ReportStep(what, done))

        with ThreadPoolExecutor(1, thread_name_prefix="report") as pool:
            of = (sources.cohort, sources.predictions, sources.store)
            made = pool.submit(build, *of, hear, sources.second)
            while not made.done():
                try:
                    yield heard.get(timeout=0.1)
                except queue.Empty:
                    continue
            write(made.result(), out)

    return steps
