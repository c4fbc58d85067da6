"""Reviewers that edit at speed and are killed, each a fork of a process that is ready.

Run as a script with a cohort's folder; each line that it reads is a seed and the seconds that the
reviewer may live. It answers with the strokes that the reviewer finished, and whether all
were on disk then.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import numpy as np

from hubmap_viewer.loading import load
from hubmap_viewer.session import Session
from trainer.data.cohort import Cohort
from trainer.data.store.packing import digest


def review(folder: Path, seed: int, told: int) -> None:
    """Draw, undo, judge and switch cases until killed; every finished stroke is told."""
    chance = random.Random(seed)
    session = Session()
    session.case_wanted.connect(lambda case_id: session.put(load(session.sources, case_id)))
    session.open_cohort(Cohort.open(folder))
    cases = list(session.queue)
    session.want(chance.choice(cases))
    while True:
        act = chance.random()
        if act < 0.1:
            session.want(chance.choice(cases))
        elif act < 0.2:
            session.judge(chance.choice(["accepted", "in work", "rejected"]))
        elif act < 0.35:
            chance.choice([session.drawing.undo, session.drawing.redo])()
        elif act < 0.4:
            session.drawing.take(chance.choice(["truth", "nothing"]))
        else:
            _scribble(session, chance)
        here = session.open
        assert here is not None
        if here.lost is not None:
            chance.choice([session.drawing.recover, session.drawing.discard])()
        line = {"case": here.id, "mask": digest(here.curated), "written": _written(session)}
        os.write(told, json.dumps(line).encode() + b"\n")
        time.sleep(chance.choice([0.0, 0.002, 0.01, 0.1]))


def _written(session: Session) -> bool:
    """Whether all strokes so far are on disk: one waits in the queue until it is."""
    writer = None if session.keeper is None else session.keeper._writer
    return writer is not None and not writer.saver._notes


def _scribble(session: Session, chance: random.Random) -> None:
    here = session.open
    assert here is not None
    if not session.drawing.may_draw:
        return
    height, width = here.curated.shape
    row, column = chance.randrange(height - 9), chance.randrange(width - 9)
    here.curated[row : row + 9, column : column + 9] ^= np.uint8(1)
    session.drawing.painted("paint")


def main(folder: Path) -> None:
    for line in sys.stdin:
        seed, seconds = line.split()
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            review(folder, int(seed), writing)
            os._exit(1)
        os.close(writing)
        time.sleep(float(seconds))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        with os.fdopen(reading, "rb") as handle:
            whole = handle.read().split(b"\n")[:-1]
        sys.stdout.write(json.dumps([json.loads(one) for one in whole]) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
