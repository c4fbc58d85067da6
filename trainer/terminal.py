"""A command's voice: results on standard output, all else on standard error."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, Self

import typer
from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, TextColumn

from trainer.errors import Cancelled, TrainerError
from trainer.train.progress import UNFINISHED

if TYPE_CHECKING:
    from trainer.train import progress as training

_QUIET_SECONDS = 10.0
"""Between two lines about the same work, where no bar can be drawn."""


class Terminal:
    """What one command says, and the status it ends with; `quiet` for one that only helps."""

    def __init__(self, as_json: bool, quiet: bool = False) -> None:
        self._as_json = as_json
        self._quiet = quiet
        self._err = Console(stderr=True, soft_wrap=True, highlight=False, markup=False, quiet=quiet)
        self._problems: list[str] = []

    def note(self, text: str) -> None:
        """Say something that is no problem."""
        self._err.print(text)

    def problem(self, what: TrainerError | str) -> None:
        """Say once what went wrong with a part; the command goes on, and ends with status 1."""
        if str(what) in self._problems:
            return
        self._problems.append(str(what))
        self._err.print(str(what), style="red")

    def result(self, document: dict[str, Any], table: RenderableType) -> None:
        """The one result: a JSON document for machines, else a table or a sentence."""
        if self._quiet:
            return
        if self._as_json:
            text = json.dumps(document | {"problems": self._problems}, ensure_ascii=False, indent=2)
            typer.echo(text)
        else:
            wraps = isinstance(table, str)
            Console(soft_wrap=wraps, highlight=False, markup=False).print(table)

    def meter(self) -> Meter:
        """For work that takes a while."""
        return Meter(self._err)

    @contextmanager
    def speaking(self) -> Iterator[Self]:
        """Turn what ends the work into one line and a status."""
        try:
            yield self
        except TrainerError as error:
            self.problem(error)
        except Cancelled as wish:
            self.problem(str(wish) or "Stopped.")
        except KeyboardInterrupt:
            self.problem("Stopped.")
        if self._problems:
            raise typer.Exit(1)


class Meter:
    """Progress as a bar on a terminal, as lines elsewhere."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._said: tuple[str, float] = ("", 0.0)
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[left]}"),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self._task = self._bar.add_task("", total=1.0, left="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def show(self, text: str, done: float, seconds_left: float | None) -> None:
        """Say what is at work, its share done (0..1), and the seconds it still takes."""
        left = "" if seconds_left is None else f"{_clock(seconds_left)} left"
        self._bar.update(self._task, description=text, completed=done, left=left)
        now = time.monotonic()
        before, when = self._said
        if self._console.is_terminal or (text == before and now - when < _QUIET_SECONDS):
            return
        self._said = (text, now)
        self._console.print(f"{text}, {done:.0%}{', ' + left if left else ''}")


class Wish:
    """The user's wish to stop: Ctrl+C or a polite kill; a second one ends the program at once."""

    def __init__(self) -> None:
        self.is_uttered = False

    def __enter__(self) -> Self:
        self._before = {
            number: signal.signal(number, self._hear) for number in (signal.SIGINT, signal.SIGTERM)
        }
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def heed(self) -> None:
        """Raise `Cancelled` if the wish was uttered."""
        if self.is_uttered:
            raise Cancelled

    def _hear(self, number: int, frame: FrameType | None) -> None:
        self.is_uttered = True
        signal.signal(number, signal.SIG_DFL)


class Listener:
    """Turns a training's progress into words, and the user's wish to stop into its end."""

    def __init__(self, terminal: Terminal, meter: Meter, wish: Wish) -> None:
        self._terminal, self._meter, self._wish = terminal, meter, wish

    def hear(self, progress: training.Progress) -> None:
        """Say it, then stop if the user wishes to."""
        if progress.notice is not None:
            self._terminal.problem(progress.notice)
        if progress.remark is not None:
            self._terminal.note(progress.remark)
        if progress.stage != "training" or progress.folds:  # else it is a sentence alone
            self._meter.show(_words(progress), progress.done, progress.seconds_left)
        self._wish.heed()


class Stopping:
    """Says what a stopped training leaves."""

    def __init__(self, out: Path) -> None:
        self._out = out

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, _: object) -> None:
        if isinstance(error, Cancelled):
            raise Cancelled(f"Stopped; {self._left()}.") from error

    def _left(self) -> str:
        count = len(list(self._out.glob("fold*/weights.json")))
        begun = len(list(self._out.glob(f"fold*/{UNFINISHED}")))
        told = [f"finished folds: {count}, usable in {self._out}"] if count else []
        if begun:
            told.append(f"folds with finished epochs: {begun}, the same command goes on from there")
        return "; ".join(told) or "nothing is left"


def _words(progress: training.Progress) -> str:
    if progress.stage == "reading":
        return "Reading images"
    if progress.stage == "predicting":
        return "Predicting what each fold did not see"
    which = f"Fold {progress.fold + 1} of {progress.folds}"
    if progress.side_by_side > 1:
        which = f"{progress.side_by_side} folds side by side"
    text = f"{which}, epoch {progress.epoch + 1}"
    return text if progress.val_dice is None else f"{text}, Dice {progress.val_dice:.3f}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
