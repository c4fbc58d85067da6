"""Work beside the window: no error is lost, a cancelled work ends, a closed one is silent."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QWidget

from gui.conftest import Window
from hubmap_viewer.jobs import Job, Jobs
from trainer.errors import Cancelled, TrainerError


@dataclass(frozen=True)
class Step:
    done: float
    total: int


@pytest.fixture
def jobs(qapp: Any) -> Iterator[Jobs]:
    jobs = Jobs()
    yield jobs
    jobs.close()


def end_of(job: Job[Any], qtbot: Any) -> BaseException | None:
    ends: list[BaseException | None] = []
    job.ended.connect(ends.append)
    qtbot.waitUntil(lambda: bool(ends), timeout=10_000)
    return ends[0]


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("CUDA out of memory"),
        ValueError("wrong"),
        TrainerError("a sentence"),
        MemoryError(),
        KeyError("x"),
        SystemExit(3),
    ],
    ids=lambda error: type(error).__name__,
)
def test_no_error_of_a_long_work_is_lost(jobs: Jobs, qtbot: Any, error: BaseException) -> None:
    def steps(_: Callable[[], bool]) -> Iterator[Step]:
        yield Step(1, 2)
        raise error

    job = jobs.start("work", steps)
    assert end_of(job, qtbot) is error
    assert jobs.running == []
    assert not job.running


@pytest.mark.parametrize("error", [RuntimeError("gone"), TrainerError("a sentence")])
def test_no_error_of_a_call_is_lost(jobs: Jobs, qtbot: Any, error: Exception) -> None:
    failed: list[BaseException] = []

    def work() -> None:
        raise error

    jobs.call(work, lambda _: None, failed.append)
    qtbot.waitUntil(lambda: failed == [error], timeout=10_000)


def test_steps_come_in_order_in_the_windows_thread(jobs: Jobs, qtbot: Any) -> None:
    seen: list[tuple[float, bool]] = []

    def steps(_: Callable[[], bool]) -> Iterator[Step]:
        for done in range(1, 6):
            yield Step(done, 5)

    job = jobs.start("work", steps)
    main = threading.main_thread()
    job.stepped.connect(lambda s: seen.append((s.done, threading.current_thread() is main)))
    assert end_of(job, qtbot) is None
    assert seen == [(done, True) for done in range(1, 6)]
    assert (job.done, job.total, job.share) == (5, 5, 1.0)


def test_a_cancelled_work_ends_as_cancelled(jobs: Jobs, qtbot: Any) -> None:
    stopped = threading.Event()

    def steps(cancelled: Callable[[], bool]) -> Iterator[Step]:
        try:
            while True:
                yield Step(1, 2)
        finally:
            stopped.set()

    job = jobs.start("work", steps)
    qtbot.waitUntil(lambda: job.done == 1, timeout=10_000)
    job.cancel()
    assert isinstance(end_of(job, qtbot), Cancelled)
    assert stopped.wait(5)


def test_a_closed_window_is_told_nothing(jobs: Jobs, qtbot: Any) -> None:
    told: list[object] = []
    gate = threading.Event()
    jobs.call(lambda: gate.wait(10), told.append, told.append)
    jobs.close()
    gate.set()
    done = threading.Event()
    threading.Thread(target=lambda: (jobs._pool.shutdown(wait=True), done.set())).start()
    qtbot.waitUntil(done.is_set, timeout=10_000)
    qtbot.wait(1)
    assert told == []


def test_what_can_wait_begins_after_the_drawing(qtbot: Any, jobs: Jobs) -> None:
    happened: list[str] = []

    class Page(QWidget):
        def paintEvent(self, a0: object) -> None:  # noqa: N802
            happened.append("drawn")

    page = Page()
    qtbot.addWidget(page)
    page.show()
    qtbot.waitUntil(lambda: "drawn" in happened, timeout=20_000)
    happened.clear()
    page.update()
    for name in ("findings", "next case"):
        jobs.call_when_drawn(partial(happened.append, name), lambda _: None, happened.append)
    qtbot.waitUntil(lambda: len(happened) >= 3, timeout=20_000)
    assert happened[0] == "drawn"
    assert {*happened[1:]} == {"findings", "next case"}


def test_starting_a_work_lets_nothing_else_in(window: Window) -> None:
    heard: list[str] = []
    QTimer.singleShot(0, lambda: heard.append("asked for it anew"))
    job = window.desk.jobs.start("work", lambda _: iter([Step(1, 1)]))
    assert heard == [], "the job is not known yet to who started it"
    window.wait(lambda: not job.running)
    assert heard == ["asked for it anew"]


def test_a_window_slower_than_its_work_does_not_nest(window: Window) -> None:
    """Each step comes while the one before is told, and each moves napari's bar."""
    go_on, sent = threading.Semaphore(0), threading.Semaphore(0)

    def steps(_: Callable[[], bool]) -> Iterator[Step]:
        for done in range(1, 41):
            yield Step(done, 40)
            sent.release()
            assert go_on.acquire(timeout=10)

    depths: list[int] = []

    def page(_: Step) -> None:
        depths.append(sum(1 for _ in traceback.walk_stack(None)))
        go_on.release()
        sent.acquire(timeout=1)

    job = window.desk.jobs.start("work", steps)
    window.wait(lambda: job.done == 1)
    job.stepped.connect(page)
    go_on.release()
    window.wait(lambda: not job.running)
    assert len(depths) == 39
    assert job.done == 40
    assert max(depths) - min(depths) < 30
