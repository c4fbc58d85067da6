"""Folds trained side by side on a CPU, a process each.

Threads that share a step wait for each other in each of its many small operations; folds have
nothing to wait for.
"""

from __future__ import annotations

import math
import os
import pickle
import queue
import subprocess
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any

import psutil
import torch

from trainer.errors import Cancelled, DeviceError, TrainerError
from trainer.train import plan
from trainer.train.member import Task, train_member
from trainer.train.progress import Progress, Tell

_WORTH_SECONDS = 60.0
"""A fold's time from which it is worth a process, which takes some seconds to begin."""

_WORTH_LESSONS = 500
"""Cases times epochs from which the same is so, where the recipe names no time."""

_ROOM = 0.6
"""Of the memory that is free, for all processes."""

_FAREWELL = 60.0
"""Seconds in which a process ends after its step; then it is killed."""

_PROGRAM = f"from {__name__} import main; main()"
"""Not this module by itself: what it says would then be of classes that nobody else has."""


@dataclass(frozen=True, slots=True)
class _Done:
    start: str


@dataclass(frozen=True, slots=True)
class _Broken:
    """What else than a `TrainerError` ended a process: nobody can mend it here."""

    trace: str


class FoldError(Exception):
    """A fold's process ended by an error of the program, whose traceback this holds."""


def at_once(first: Task, left: int, device: torch.device) -> int:
    """How many folds to train side by side; 1 where that gains nothing or memory is short.

    Parameters
    ----------
    first
        The first of the members that are to be trained, with its time if it came alone.
    left
        How many they are.
    device
        Where.
    """
    if device.type != "cpu" or left < 2 or torch.get_num_threads() < 2:
        return 1
    lessons = first.recipe.epochs * len(first.fold.training)
    seconds = first.fold.seconds
    if lessons < _WORTH_LESSONS or (seconds is not None and seconds < _WORTH_SECONDS):
        return 1
    room = _ROOM * psutil.virtual_memory().available
    fit = math.floor(room / plan.bytes_as_it_is(first.recipe, first.precision))
    return max(1, min(left, fit))


def train_all(tasks: Sequence[Task], count: int, tell: Tell) -> Iterator[str]:
    """Train members, so many side by side.

    Parameters
    ----------
    tasks
        One a member.
    count
        Processes at a time; the machine's threads are shared among them.
    tell
        Hears how far all are together; may raise `Cancelled`, and the processes end.

    Yields
    ------
    str
        What the encoder of a member started from whose weights are written.

    Raises
    ------
    TrainerError
        As a member's training raised it, or if its process was killed; the others end too.
    FoldError
        If a process ended by an error of the program.
    """
    waiting = deque(tasks)
    threads = math.ceil(torch.get_num_threads() / count)
    said: queue.Queue[tuple[int, Any]] = queue.Queue()
    running: dict[int, _Process] = {}
    view = _View(tasks, tell)
    try:
        while waiting or running:
            while waiting and len(running) < count:
                task = waiting.popleft()
                running[task.fold.index] = _Process(task, threads, said)
            index, message = said.get()
            if isinstance(message, Progress):
                view.hear(index, message, list(running))
            elif isinstance(message, _Done):
                running.pop(index).end()
                view.finish(index)
                yield message.start
            else:
                raise message if isinstance(message, Exception) else FoldError(message.trace)
    finally:
        for process in running.values():
            process.stop()
        for process in running.values():
            process.end()


class _Process:
    """A fold's process, and the thread that listens to it."""

    def __init__(self, task: Task, threads: int, said: queue.Queue[tuple[int, Any]]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env=os.environ | {"OMP_NUM_THREADS": str(threads)}, start_new_session=True,
        )  # fmt: skip
        arguments = (pickle.dumps(task), task.fold.index, said)
        threading.Thread(target=self._talk, args=arguments, daemon=True).start()

    def _talk(self, task: bytes, index: int, said: queue.Queue[tuple[int, Any]]) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        message: Any = None
        try:
            self._process.stdin.write(task)
            self._process.stdin.flush()
            while True:
                message = pickle.load(self._process.stdout)
                said.put((index, message))
        except (EOFError, OSError, ValueError):  # it has ended, or was told to
            if message is None or isinstance(message, Progress):
                said.put((index, _ended(index, self._process.wait())))
        except Exception:  # noqa: BLE001  (who waits for it has to hear of it)
            said.put((index, _Broken(traceback.format_exc())))

    def stop(self) -> None:
        """Ask it to end at its next step: it sees that nobody listens."""
        assert self._process.stdin is not None
        with suppress(OSError):  # it has ended already
            self._process.stdin.close()

    def end(self) -> None:
        """Wait until it has."""
        self.stop()
        try:
            self._process.wait(_FAREWELL)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _ended(index: int, status: int) -> DeviceError | _Broken:
    """Why a process says no more; below 0 a status is the signal that killed it."""
    if status >= 0:
        return _Broken(f"the process of fold {index} ended with status {status}")
    return DeviceError(
        f"the process of fold {index} was killed (signal {-status})",
        remedy="if memory ran out, close other programs; the same command goes on from here",
    )


class _View:
    """The progress of several folds as one."""

    def __init__(self, tasks: Sequence[Task], tell: Tell) -> None:
        self._folds = tasks[0].fold.folds
        self._before = self._folds - len(tasks)
        self._shares = {task.fold.index: 0.0 for task in tasks}
        self._last: dict[int, Progress] = {}
        self._tell = tell
        self._started: float | None = None

    def hear(self, index: int, progress: Progress, running: Sequence[int]) -> None:
        """Tell how far all are now that one of those running has told how far it is."""
        if self._started is None:  # not earlier: a process takes some seconds to begin
            self._started = time.monotonic()
        self._shares[index] = progress.done * progress.folds - progress.fold
        self._last[index] = progress
        total = sum(self._shares.values())
        spent = time.monotonic() - self._started
        known = [one.val_dice for one in self._last.values() if one.val_dice is not None]
        self._tell(
            Progress(
                "training",
                (self._before + total) / self._folds,
                spent / total * (len(self._shares) - total) if total else None,
                min(running),
                self._folds,
                min(self._last[one].epoch if one in self._last else 0 for one in running),
                sum(known) / len(known) if known else None,
                notice=progress.notice,
                remark=progress.remark,
                side_by_side=len(running),
            )
        )

    def finish(self, index: int) -> None:
        """Count a fold as done."""
        self._shares[index] = 1.0
        self._last.pop(index, None)


def main() -> None:
    """Train the member that standard input tells of, and say on standard output how it goes."""
    said = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints is no message
    task: Task = pickle.load(sys.stdin.buffer)
    unheard = threading.Event()
    threading.Thread(target=_wait_for_end, args=(unheard,), daemon=True).start()

    def tell(progress: Progress) -> None:
        if unheard.is_set():
            raise Cancelled
        _say(said, progress)

    try:
        _say(said, _Done(train_member(task, torch.device("cpu"), tell)))
    except (Cancelled, BrokenPipeError):
        return
    except TrainerError as error:
        _say(said, error)
    except Exception:  # noqa: BLE001  (told to who started this, who raises it)
        _say(said, _Broken(traceback.format_exc()))


def _wait_for_end(unheard: threading.Event) -> None:
    # not by sys.stdin: forked loaders would wait for its lock
    while os.read(0, 1):
        pass
    unheard.set()


def _say(said: IO[bytes], message: object) -> None:
    pickle.dump(message, said)
    said.flush()
