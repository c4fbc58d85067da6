"""The process that predicts, as the window sees it."""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import numpy as np

from trainer.errors import Cancelled, DeviceError, TrainerError
from trainer.predict.fusion import Levels
from trainer.predict.messages import Reply, Request
from trainer.settings import DenseCrf

GRACE = 1.5
"""Seconds that a cancelled process has to stop by itself before it is ended."""

_LISTEN = 0.05
_ENDINGS = ("devices", "done", "cancelled", "failed")


class Engine:
    """Asks the process, which is started at the first request and kept warm.

    Its methods block: they belong into a job. One request at a time.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._replies: queue.Queue[Reply | None] = queue.Queue()
        self._said: deque[str] = deque(maxlen=40)
        self._lock = threading.Lock()

    def devices(self) -> dict[str, str]:
        """Names of the devices and their descriptions, the best first."""
        (reply,) = self._ask(Request(want="devices"), lambda: False)
        return reply.devices

    def predict(self, request: Request, cancelled: Callable[[], bool]) -> Iterator[Reply]:
        """The replies ``began`` and ``step`` as they come.

        Raises
        ------
        Cancelled
            Within `GRACE` and a little after `cancelled` says so.
        TrainerError
            If the work failed, or the process ended.
        """
        yield from self._ask(request, cancelled)

    def preview(self, request: Request, cancelled: Callable[[], bool]) -> Iterator[Reply]:
        """A reply ``step`` for each case as its pictures are written; it raises as `predict`."""
        yield from self._ask(request, cancelled)

    def refine(
        self,
        cohort: Path,
        case_id: str,
        levels: Levels,
        crf: DenseCrf,
        cancelled: Callable[[], bool],
    ) -> Levels:
        """A case's probability, uint8 (h, w), after a dense CRF with its image.

        Raises
        ------
        Cancelled, TrainerError
            As `predict` raises them.
        """
        with tempfile.TemporaryDirectory(prefix="hubmap-viewer-") as folder:
            path = Path(folder) / "levels.npy"
            np.save(path, levels)
            wish = Request(want="refine", cohort=cohort, cases=(case_id,), crf=crf, levels=path)
            for _ in self._ask(wish, cancelled):
                pass
            return np.load(path)

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def _ask(self, request: Request, cancelled: Callable[[], bool]) -> Iterator[Reply]:
        while not self._lock.acquire(timeout=_LISTEN):
            if cancelled():
                raise Cancelled
        try:
            yield from self._hear_out(request, cancelled)
        except GeneratorExit:
            self._settle()
            raise
        finally:
            self._lock.release()

    def _hear_out(self, request: Request, cancelled: Callable[[], bool]) -> Iterator[Reply]:
        self._send(request)
        deadline: float | None = None
        while True:
            if deadline is None and cancelled():
                deadline = time.monotonic() + GRACE
                self._send(Request(want="cancel"))
            if deadline is not None and time.monotonic() > deadline:
                self.close()
                raise Cancelled
            try:
                reply = self._replies.get(timeout=_LISTEN)
            except queue.Empty:
                continue
            if reply is None:
                raise self._ended()
            if reply.kind == "cancelled":
                raise Cancelled
            if reply.kind == "failed":
                raise TrainerError(reply.problem.rstrip("."))
            if reply.kind != "done":
                yield reply
            if reply.kind in _ENDINGS:
                return

    def _settle(self) -> None:
        """Nobody listens any more: have the work stopped, so that the next request is alone."""
        self._send(Request(want="cancel"))
        deadline = time.monotonic() + GRACE
        while (left := deadline - time.monotonic()) > 0:
            with contextlib.suppress(queue.Empty):
                reply = self._replies.get(timeout=left)
                if reply is None or reply.kind in _ENDINGS:
                    return
        self.close()

    def _send(self, request: Request) -> None:
        if self._process is None or self._process.poll() is not None:
            self._start()
        assert self._process is not None
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(request.model_dump_json(exclude_defaults=True) + "\n")
            self._process.stdin.flush()
        except OSError as error:
            raise self._ended() from error

    def _start(self) -> None:
        self._replies = queue.Queue()
        self._said.clear()
        process = subprocess.Popen(
            [sys.executable, "-m", "trainer.predict.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            # Threads that wait by sleeping leave the window the processor.
            env={**os.environ, "OMP_WAIT_POLICY": "passive"},
        )
        assert process.stdout is not None
        assert process.stderr is not None
        for target, stream in ((self._hear, process.stdout), (self._note, process.stderr)):
            threading.Thread(target=target, args=(stream, self._replies), daemon=True).start()
        self._process = process

    @staticmethod
    def _hear(stream: IO[str], replies: queue.Queue[Reply | None]) -> None:
        for line in stream:
            replies.put(Reply.model_validate_json(line))
        replies.put(None)

    def _note(self, stream: IO[str], _: queue.Queue[Reply | None]) -> None:
        self._said.extend(line.rstrip() for line in stream)

    def _ended(self) -> DeviceError:
        code = None if self._process is None else self._process.wait()
        said = next((line for line in reversed(self._said) if line), "")
        self._process = None
        return DeviceError(
            f"the predicting process ended by itself (status {code}; {said or 'without a word'})",
            remedy="if memory ran out, close other programs or take another device, and run again",
        )
