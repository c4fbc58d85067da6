"""From a weight to the contour: `pytest tests/benchmarks/test_members.py --benchmark-only`."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from qtpy.QtWidgets import QApplication

from benchmarks.test_gestures import DISCS, SIZE
from cohorts import Drawn, write_cohort
from gui.conftest import Window
from trainer.data.case import Prediction
from trainer.data.cohort import Cohort
from trainer.data.opinions import KeptOpinions, Opinions
from trainer.data.predictions import Predictions
from trainer.model.described import Checkpoint
from trainer.predict.asking import Panel
from trainer.predict.fingerprint import fingerprint
from trainer.predict.fusion import Opinion, fuse
from trainer.settings import Ensemble, Member, Network, to_yaml


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """One case of 3000×3000 with a hundred units, predicted by three members at 768, all kept."""
    folder = tmp_path / "cohort"
    drawn = Drawn("1", "kidney", (SIZE, SIZE), discs=DISCS)
    write_cohort(folder, [drawn])
    base = folder / "ensembles"
    base.mkdir()
    members = []
    for name in "abc":
        (base / f"{name}.safetensors").write_bytes(name.encode())
        twin = Checkpoint(network=Network.model_validate({"pretrained": False}), size=768)
        (base / f"{name}.json").write_text(twin.model_dump_json())
        members.append({"weights": f"{name}.safetensors"})
    ensemble = Ensemble.model_validate({"name": "three", "members": members})
    (base / "three.yaml").write_text(to_yaml(ensemble))
    write_predictions(folder, ensemble, base, drawn)
    return folder


def write_predictions(folder: Path, ensemble: Ensemble, base: Path, drawn: Drawn) -> None:
    """As `predict --keep-members` leaves them; each member sees the units a little elsewhere."""
    cohort, panel = Cohort.open(folder), Panel.open(ensemble, base)
    case, digest = cohort.cases["1"], cohort.digest("1")
    small = cv2.resize(255 * drawn.mask, (768, 768), interpolation=cv2.INTER_AREA)
    told: list[Opinion] = []
    for place, member in enumerate(panel.settings):
        only: list[Member | None] = [None] * 3
        only[place] = member
        ((part,), _) = panel.parts(drawn.shape, digest, case, {}, only)
        moved = np.roll(small, 3 * place, (0, 1))
        levels = np.asarray(cv2.GaussianBlur(moved, (0, 0), 3 + place), np.uint8)
        told.append(Opinion(part.key, panel.members[place].name, 1.0, levels))
    out = folder / "predictions" / "three"
    described = {"ensemble": "three", "fingerprint": fingerprint(ensemble, base), "threshold": 0.5}
    made = Predictions.create(out, described)
    made.write(Prediction("1", *fuse(told, ensemble, "kidney"), drawn.shape))
    status = case.image_path.stat()
    stamp = f"{status.st_size} {status.st_mtime_ns}"
    opinions = KeptOpinions(out)
    opinions.begin()
    levels_of = {one.key: one.levels for one in told}
    names = {one.key: one.name for one in told}
    opinions.write("1", Opinions(stamp, digest, drawn.shape, levels_of, names))


@pytest.mark.benchmark(group="from a weight to the contour drawn, 3000×3000")
def test_from_a_weight_to_the_contour(
    benchmark: Any, open_window: Callable[[Path], Window], kept: Path
) -> None:
    """A weight is changed in the dock; the frame that comes after the mix has its contour."""
    window = open_window(kept)
    window.wait(lambda: window.open_id == "1")
    dock: Any = window.viewer.window.dock_widgets["Members (hubmap-viewer)"]
    window.show(dock)
    window.wait(lambda: dock.model.mixed is not None)
    window.wait(lambda: not window.desk.jobs.running)
    window.viewer.scene.camera.zoom = 1.0
    session: Any = window.desk.session
    mixed: list[Any] = []
    drawn: list[int] = []

    def on_mix() -> None:
        mixed.append(session.open.predicted.mask)
        drawn.clear()

    session.prediction_changed.connect(on_mix)
    window.viewer.window._qt_viewer.canvas.events.draw.connect(lambda _: drawn.append(1))
    weights = itertools.cycle((9.0, 0.2))

    def calm() -> None:
        window.wait(lambda: not dock.model._mixing)
        QApplication.processEvents()
        mixed.clear()
        drawn.clear()

    def weigh() -> None:
        dock.table.weights[0].setValue(next(weights))
        while not (mixed and drawn):
            QApplication.processEvents()

    before = session.open.predicted.mask
    benchmark.pedantic(weigh, setup=calm, rounds=12, warmup_rounds=2)
    assert not np.array_equal(mixed[-1], before)
    times = 1000 * np.array(benchmark.stats.stats.data)
    benchmark.extra_info["drawn_p50_ms"] = round(float(np.median(times)), 1)
    benchmark.extra_info["drawn_p90_ms"] = round(float(np.percentile(times, 90)), 1)
