"""What goes on beside a network: the next case is read, the last one is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Generic, Self, TypeVar

from trainer.data.case import Prediction
from trainer.data.opinions import KeptOpinions, Opinions
from trainer.data.predictions import Predictions
from trainer.predict.pace import Pace, Step

_Ready = TypeVar("_Ready")


class Ahead(Generic[_Ready]):
    """Gets the next case ready in a thread of its own while the last one is at work."""

    def __init__(self, prepare: Callable[[str], _Ready], ids: Iterable[str]) -> None:
        self._prepare = prepare
        self._ids = iter(ids)
        self._thread = ThreadPoolExecutor(1, "reading")
        self._next: Future[_Ready] | None = None

    def __enter__(self) -> Self:
        self._begin()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown(wait=True, cancel_futures=True)

    def next(self) -> _Ready:
        """The next case, whose successor is begun."""
        assert self._next is not None
        future = self._next
        try:
            return future.result()
        finally:
            self._begin()

    def _begin(self) -> None:
        case_id = next(self._ids, None)
        self._next = None if case_id is None else self._thread.submit(self._prepare, case_id)


class Behind:
    """Writes what is predicted in a thread of its own; on leaving all of it is on disk.

    Attributes
    ----------
    keeps
        Whether members' opinions are kept.
    """

    def __init__(self, predictions: Predictions, kept: KeptOpinions) -> None:
        self._predictions = predictions
        self._kept = kept
        self.keeps = kept.are_kept
        self._thread = ThreadPoolExecutor(1, "writing")
        self._pending: list[tuple[str, str, Future[None]]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown(wait=True)

    def take(
        self,
        case_id: str,
        prediction: Prediction | None,
        made_of: str,
        opinions: Opinions | None,
    ) -> None:
        """Have a case's prediction written, after its members' opinions where these are kept."""
        if opinions is not None and self.keeps:
            self.take_opinions(case_id, opinions, ", ".join(opinions.names.values()))
        if prediction is not None:
            write = self._thread.submit(self._predictions.write, prediction, made_of)
            self._pending.append((case_id, "", write))

    def take_opinions(self, case_id: str, opinions: Opinions, member: str) -> None:
        """Have a case's opinions so far written, `member` being whose is the last."""
        write = self._thread.submit(self._kept.write, case_id, opinions)
        self._pending.append((case_id, member, write))

    def told(self, pace: Pace) -> Iterator[Step]:
        """A step for each thing that has been written since the last time.

        Raises
        ------
        PredictionError
            If one cannot be written.
        """
        while self._pending and self._pending[0][2].done():
            case_id, member, write = self._pending.pop(0)
            write.result()
            yield replace(pace.again(case_id), member=member, kept=not member)

    def finish(self) -> None:
        """Wait until all is written."""
        for _, _, write in self._pending:
            write.result()
