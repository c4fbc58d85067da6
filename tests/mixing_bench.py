"""An ensemble whose members have spoken, with no network, and the list of them in a window."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from hubmap_viewer.finding_list import Call
from hubmap_viewer.members import Members
from hubmap_viewer.preview import Preview
from hubmap_viewer.refining import Refining
from hubmap_viewer.session import Session
from trainer.data.case import Prediction
from trainer.data.cohort import Cohort
from trainer.data.opinions import KeptOpinions, Opinions
from trainer.model.described import Checkpoint
from trainer.predict.asking import Panel
from trainer.predict.fusion import Levels
from trainer.settings import DenseCrf, Ensemble, Member, Network, read_ensemble, to_yaml

SIZES = ((96, 96), (64, 64), (80, 80))
SEEN = "22"
"""The case that the last member has seen in training."""


def call(function: Callable[[], Any], then: Callable[[Any], None], failed: Any) -> None:
    """A background call, done here and now."""
    try:
        result = function()
    except Exception as error:  # noqa: BLE001
        failed(error)
    else:
        then(result)


def in_this_process(
    cohort: Path, case_id: str, levels: Levels, crf: DenseCrf, cancelled: Callable[[], bool]
) -> Levels:
    """What the window has another process do, done here and now."""
    from trainer.predict.crf import refine_levels

    return refine_levels(levels, Cohort.open(cohort).image(case_id), crf, "cpu", cancelled)


def listed(session: Session, background: Call = call) -> Members:
    """The list of members as a window has it."""
    return Members(session, call, Preview(session, call), Refining(in_this_process, background))


class Bench:
    """A cohort, an ensemble of a file and of a run's two folds, and what they said."""

    def __init__(self, folder: Path, **said: Any) -> None:
        self.cohort = Cohort.open(folder)
        self.base = folder / "ensembles"
        network = Network.model_validate({"encoder": "mobilenetv3_small_050", "pretrained": False})
        seen = {SEEN: self.cohort.digest(SEEN)}
        for number, place in enumerate(("a.safetensors", "run/fold0", "run/fold1")):
            path = self.base / place
            path = path if path.suffix else path / "weights.safetensors"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(f"weights {number}".encode())
            twin = Checkpoint(network=network, size=64, trained_on=seen if number == 2 else {})
            path.with_suffix(".json").write_text(twin.model_dump_json())
        members = [{"weights": "a.safetensors", "weight": 2.0}, {"run": "run"}]
        self.file = self.base / "mine.yaml"
        told = {"name": "mine", "members": members, "threshold": 0.4, **said}
        self.file.write_text(to_yaml(Ensemble.model_validate(told)))
        self.ensemble = read_ensemble(self.file)
        self.panel = Panel.open(self.ensemble, self.base)
        self.out = folder / "predictions" / "mine"

    def opinions(self, case_id: str) -> Opinions:
        """What each member said: random, and each at its own resolution."""
        case = self.cohort.cases[case_id]
        shape, digest = self.cohort.image(case_id).shape[:2], self.cohort.digest(case_id)
        levels, names = {}, {}
        random = np.random.default_rng(int(case_id))
        for place, member in enumerate(self.panel.settings):
            settings: list[Member | None] = [None] * 3
            settings[place] = member.model_copy(update={"organs": (), "weight": 1.0})
            ((part,), _) = self.panel.parts((shape[0], shape[1]), digest, case, {}, settings)
            levels[part.key] = random.integers(0, 256, SIZES[place], np.uint8)
            names[part.key] = self.panel.members[place].name
        status = case.image_path.stat()
        stamp = f"{status.st_size} {status.st_mtime_ns}"
        return Opinions(stamp, digest, (shape[0], shape[1]), levels, names)

    def predict(self, file: Path, out: Path) -> dict[str, Prediction]:
        """What the engine makes of the kept members; no network is there to be run."""
        from trainer.predict.ensemble import Predictor
        from trainer.predict.kept import begin
        from trainer.predict.running import predict_cohort

        kept = KeptOpinions(out)
        kept.begin()
        for case_id in self.cohort.cases:
            kept.write(case_id, self.opinions(case_id))
        with Predictor(read_ensemble(file), file.parent, "cpu") as predictor:
            predictions = begin(out, predictor)
            steps = list(predict_cohort(self.cohort, self.cohort.cases, predictor, predictions))
            assert not [step.error for step in steps if step.error]
            assert not predictor._networks._loaded
        found = {case_id: predictions.read(case_id) for case_id in self.cohort.cases}
        return {case_id: one for case_id, one in found.items() if one is not None}


def shown(model: Members) -> Prediction:
    here = model.session.open
    assert here is not None
    assert here.predicted is not None
    return here.predicted.prediction
