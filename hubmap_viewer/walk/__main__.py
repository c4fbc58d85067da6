"""`python -m hubmap_viewer.walk OUT`: the whole loop on a copy of the demo cohort."""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from hubmap_viewer.demo import demo_cohort
from hubmap_viewer.scores import Scores

if TYPE_CHECKING:
    from hubmap_viewer.walk.steps import Loop

_SUMMARY = "summary.txt"
_STEPS = (
    "open", "predict", "look", "take", "paint", "undo", "accept", "find", "attempt", "export",
    "train", "compare",
)  # fmt: skip


def main(argv: list[str] | None = None) -> int:
    """Walk; 0 when every step did what it should, 1 when one did not, 2 for a wrong call."""
    parser = argparse.ArgumentParser(prog="python -m hubmap_viewer.walk", description=__doc__)
    parser.add_argument("out", type=Path, help="a folder for pictures, masks, csv and the run")
    out: Path = parser.parse_args(argv).out.resolve()
    if out.exists() and any(out.iterdir()) and not (out / _SUMMARY).is_file():
        parser.error(f"{out} holds something else: choose another folder")
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    (out / _SUMMARY).write_text("The walk did not come to its end.\n", encoding="utf-8")
    # The user's own settings stay as they are, and do not change the pictures.
    for kind in ("STATE", "CACHE"):
        os.environ[f"XDG_{kind}_HOME"] = str(out / f".{kind.lower()}")
    os.environ["NAPARI_CONFIG"] = str(out / ".napari" / "settings.yaml")
    os.environ["NAPARI_APPLICATION_FIRST_TIME"] = "false"
    return _walk(out)


def _walk(out: Path) -> int:
    import napari
    from napari.utils.notifications import notification_manager

    from hubmap_viewer.walk.hand import Hand
    from hubmap_viewer.walk.steps import Loop

    console = Console(record=True, highlight=False, soft_wrap=True)
    viewer = napari.Viewer(title="HuBMAP review")
    viewer.window.resize(1600, 1000)
    loop = Loop(viewer, Hand(viewer, out), demo_cohort(out / "cohort"), out)
    with notification_manager:
        failed = not all(_take_step(loop, name, console) for name in _STEPS)
        if failed:
            loop.hand.picture("failed")
        scores, cases = dict(loop.session.scores), loop.session.sources.cohort.cases
        loop.desk.close()
        viewer.close()
    if not failed:
        console.print(_by_organ(scores, {case_id: cases[case_id].organ for case_id in scores}))
    _list_files(console, out, loop.hand.taken)
    console.save_text(str(out / _SUMMARY))
    return 1 if failed else 0


def _take_step(loop: Loop, name: str, console: Console) -> bool:
    """Take a step and say what came of it; an error that the window told is a failure too."""
    from napari.utils.notifications import NotificationSeverity, notification_manager

    from hubmap_viewer.walk.hand import StepError

    console.print(f"{name:8}", end=" ")
    started, told = time.monotonic(), len(notification_manager.records)
    note = failure = ""
    try:
        note = getattr(loop, name)()
    except StepError as error:
        failure = str(error)
    said = notification_manager.records[told:]
    errors = [record.message for record in said if record.severity >= NotificationSeverity.ERROR]
    failure = failure or "; ".join(errors)
    outcome = f"FAILED: {failure}" if failure else note
    console.print(f"{time.monotonic() - started:6.1f} s  {outcome}", markup=False)
    for record in said:
        console.print(f"{'':19}the window said: {record.message}", markup=False)
    return not failure


def _by_organ(scores: dict[str, Scores], organs: dict[str, str]) -> Table:
    """Mean Dice of both ensembles over each organ's cases with truth."""
    pairs: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for case_id, found in scores.items():
        if found.second is not None and found.prediction is not None:
            pairs[organs[case_id]].append((found.second, found.prediction))
            pairs["all"].append((found.second, found.prediction))
    table = Table("organ", title="Dice against truth, mean")
    for column in ("cases", "bundled ensemble", "retrained (out of fold)"):
        table.add_column(column, justify="right")
    for organ in sorted(pairs, key=lambda organ: (organ == "all", organ)):
        before, after = (statistics.fmean(side) for side in zip(*pairs[organ], strict=True))
        table.add_row(organ, str(len(pairs[organ])), f"{before:.3f}", f"{after:.3f}")
    return table


def _list_files(console: Console, out: Path, pictures: list[Path]) -> None:
    lines = [("pictures", path.name) for path in pictures]
    lines += [("curated mask", f"masks/{path.name}") for path in (out / "masks").glob("*.tiff")]
    lines += [
        (words, name)
        for words, name in (
            ("RLE CSV", "curated.csv"),
            ("reviews", "cohort/reviews.sqlite"),
            ("run", "cohort/runs/walk"),
        )
        if (out / name).exists()
    ]
    console.print(f"\nIn {out}:", markup=False)
    for words, name in [*lines, ("this text", _SUMMARY)]:
        console.print(f"  {words:13} {name}", markup=False)


if __name__ == "__main__":
    sys.exit(main())
