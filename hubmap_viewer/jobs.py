"""Work away from the window: progress, cancelling and errors; nothing else knows of threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from napari.utils import progress
from psygnal import Signal
from superqt.utils import ensure_main_thread, qdebounced

from trainer.errors import Cancelled

Result = TypeVar("Result")

_DRAWING_BEGINS = 20
"""Milliseconds after which Qt, that lets timers go first, has begun to draw what has changed."""


class Step(Protocol):
    """One sign of life of a long work."""

    @property
    def done(self) -> float:
        """Parts finished, the part at work counted as far as it is."""
        ...

    @property
    def total(self) -> int:
        """Parts in all."""
        ...


StepT = TypeVar("StepT", bound=Step)
Steps = Callable[[Callable[[], bool]], Iterator[StepT]]
"""A long work: given what tells whether it is cancelled, it yields its steps."""


@dataclass(frozen=True, slots=True)
class _Failed:
    """An error carried as a value: the thread has nobody to raise it to."""

    error: BaseException


def post(call: Callable[[], None]) -> None:
    """Have a function called in the window's thread."""
    _in_main_thread(call)


@ensure_main_thread
def _in_main_thread(call: Callable[[], None]) -> None:
    call()


class _Bar:
    """A line in napari's progress area; opening and moving it lets other events in."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._bar: progress | None = None
        self._is_over = False
        self._is_moving = False

    def open(self) -> None:
        bar = progress(total=100, desc=self._title)
        if self._is_over:
            bar.close()
        else:
            self._bar = bar

    def reach(self, share: float) -> None:
        # a step let in by the move before is shown with the next: moves never nest
        if self._bar is None or self._is_moving:
            return
        if grown := int(100 * share) - self._bar.n:
            self._is_moving = True
            try:
                self._bar.update(grown)
            finally:
                self._is_moving = False

    def close(self) -> None:
        self._is_over = True
        if self._bar is not None:
            self._bar.close()


class Job(Generic[StepT]):
    """One long work under way; its signals come in the window's thread."""

    stepped = Signal(object)
    """A step of the work."""
    ended = Signal(object)
    """None when all was done, Cancelled, or the error that ended it."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.running = True
        self.done = 0.0
        self.total = 0
        self._started = time.monotonic()
        self._cancel = threading.Event()

    @property
    def cancelling(self) -> bool:
        return self._cancel.is_set()

    @property
    def share(self) -> float:
        """Of the whole work, 0 to 1."""
        return self.done / self.total if self.total else 0.0

    @property
    def seconds_left(self) -> float | None:
        """A guess from the pace so far; None until there is one."""
        if not self.share:
            return None
        return (time.monotonic() - self._started) * (1 / self.share - 1)

    def cancel(self) -> None:
        """Ask the work to stop at its next step."""
        self._cancel.set()

    def run(self, steps: Steps[StepT]) -> Iterator[StepT | _Failed]:
        """The work as a generator that never raises."""
        try:
            for step in steps(self._cancel.is_set):
                if self._cancel.is_set():
                    raise Cancelled
                yield step
        except BaseException as error:  # noqa: BLE001  (none may be lost: it is told in `ended`)
            yield _Failed(error)


class Jobs:
    """Runs short calls and long works beside the window."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="jobs")
        self.running: list[Job[Any]] = []
        self.closed = False
        self._waiting: list[Callable[[], None]] = []
        self._after_drawing = qdebounced(self._call_waiting, timeout=_DRAWING_BEGINS)

    def call(
        self,
        function: Callable[[], Result],
        then: Callable[[Result], None],
        failed: Callable[[BaseException], None],
    ) -> None:
        """Call a function in a thread, and then one of the others in the window's."""
        self._pool.submit(self._calling, function, then, failed)

    def call_aside(
        self,
        function: Callable[[], Result],
        then: Callable[[Result], None],
        failed: Callable[[BaseException], None],
    ) -> None:
        """As `call`, in a thread of its own: for what may wait long and takes no processor."""
        arguments = (function, then, failed)
        threading.Thread(target=self._calling, args=arguments, daemon=True).start()

    def _calling(
        self,
        function: Callable[[], Result],
        then: Callable[[Result], None],
        failed: Callable[[BaseException], None],
    ) -> None:
        try:
            result = function()
        except BaseException as error:  # noqa: BLE001  (none may be lost: `failed` tells it)
            fault = error
            post(lambda: None if self.closed else failed(fault))
        else:
            post(lambda: None if self.closed else then(result))

    def call_when_drawn(
        self,
        function: Callable[[], Result],
        then: Callable[[Result], None],
        failed: Callable[[BaseException], None],
    ) -> None:
        """As `call`, once the window has drawn what has just changed.

        A thread would take the interpreter and a core from the drawing that the user waits for.
        """
        self.when_drawn(lambda: self.call(function, then, failed))

    def when_drawn(self, act: Callable[[], None]) -> None:
        """Call a function in the window's thread once what has just changed is drawn."""
        self._waiting.append(act)
        self._after_drawing()

    def _call_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        for act in waiting:
            if not self.closed:
                act()

    def start(self, title: str, steps: Steps[StepT]) -> Job[StepT]:
        """Start a long work, shown in napari's progress area."""
        job: Job[StepT] = Job(title)
        bar = _Bar(title)
        outcome: list[BaseException | None] = [None]

        def on_yield(step: StepT | _Failed) -> None:
            if self.closed:
                return
            if isinstance(step, _Failed):
                outcome[0] = step.error
                return
            job.done, job.total = step.done, step.total
            # Told first: napari's bar lets other events in, the end of the work among them.
            job.stepped.emit(step)
            bar.reach(job.share)

        def on_finished() -> None:
            job.running = False
            self.running.remove(job)
            bar.close()
            if not self.closed:
                job.ended.emit(outcome[0])

        def work() -> None:
            # not in `start`: who starts a work is not to be asked for it anew meanwhile
            post(bar.open)
            for step in job.run(steps):
                post(partial(on_yield, step))
            post(on_finished)

        self.running.append(job)
        # A thread of its own, not one of Qt's pool: Qt converts images in that pool and waits
        # for it in the window's thread, which a work that waits for the interpreter would block.
        threading.Thread(target=work, name=title, daemon=True).start()
        return job

    def close(self) -> None:
        """Ask all works to stop; nothing is told of them any more."""
        self.closed = True
        for job in self.running:
            job.cancel()
        self._pool.shutdown(wait=False, cancel_futures=True)
