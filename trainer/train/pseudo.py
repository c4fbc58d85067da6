"""Predictions as labels: of cases that have none, and by chance in a label's place.

Lee, D.-H., "Pseudo-label: the simple and efficient semi-supervised learning method for deep
neural networks", ICML workshop 2013; out-of-fold predictions in a label's place (in three crops
of ten) are of the second-placed team of the competition of 2022.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from trainer.data.case import Case, Mask, Prediction
from trainer.data.cohort import Cohort
from trainer.data.predictions import OUT_OF_FOLD, Predictions
from trainer.errors import CohortError, MaskError, SettingsError
from trainer.predict.ensemble import Predictor
from trainer.predict.postprocess import OperatingPoint, to_mask
from trainer.review.certainty import confidence
from trainer.settings import Ensemble, Masking, PostProcessing, Pseudo, read_ensemble
from trainer.settings.postprocess import DEFAULT
from trainer.train.dataset import Sample, coverage_at, load
from trainer.train.guesses import predicted
from trainer.train.labels import Labels
from trainer.train.material import Material, renamed
from trainer.train.progress import Progress, Tell


@dataclass(frozen=True, slots=True)
class PseudoLabels:
    """What a network says of cases without a label, where it is sure enough.

    Attributes
    ----------
    predictions
        Of a member that has not seen what it is to be measured on.
    """

    cohort: Cohort
    predictions: Predictions
    told: Pseudo
    sure: tuple[Case, ...]

    @classmethod
    def of(cls, labels: Labels, predictions: Predictions, told: Pseudo, tell: Tell) -> PseudoLabels:
        """Those of the unlabelled cases whose prediction is sure enough and not empty."""
        sure: list[Case] = []
        for case in labels.unlabelled():
            prediction = predictions.read(case.id)
            if prediction is None:
                continue
            threshold = told.thresholds.get(case.organ, told.threshold)
            try:
                found = mask_of(prediction, case, told)
            except MaskError as error:
                tell(Progress("predicting", 1.0, notice=str(error)))
                continue
            if found.any() and confidence(prediction, threshold) >= told.min_confidence:
                sure.append(case)
        return cls(labels.cohort, predictions, told, tuple(sure))

    def cases(self) -> list[Case]:
        """The cases whose prediction is learned from."""
        return list(self.sure)

    def mask(self, case_id: str) -> Mask | None:
        """The prediction as a label, uint8 (H, W) of 0 and 1."""
        prediction = self.predictions.read(case_id)
        return None if prediction is None else mask_of(prediction, self._case(case_id), self.told)

    def weight(self, case_id: str) -> float:
        """What such a label is worth."""
        return self.told.weight

    def _case(self, case_id: str) -> Case:
        return self.cohort.cases[case_id]


def mask_of(prediction: Prediction, case: Case, told: Pseudo) -> Mask:
    """A prediction as a label, uint8 (H, W): its organ's threshold, less units that are too small.

    Raises
    ------
    MaskError
        If the least area is in µm² and the case's pixel size is not known.
    """
    area = told.area_for(case.organ)
    steps = {} if area is None else {DEFAULT: PostProcessing.model_validate({"min_area": area})}
    masking = Masking(
        threshold=told.threshold,
        thresholds=told.thresholds,
        source_thresholds={},
        postprocess=steps,
    )
    return to_mask(prediction, OperatingPoint.of(masking, case))


@dataclass(frozen=True, slots=True)
class Teacher:
    """An earlier round, whose predictions are learned from.

    What a fold's member is taught of cases without a label, the earlier round's member of the
    same fold says alone: so nothing of the cases that it is measured on comes through. What
    takes a label's place is told by members of other folds, as the second-placed team had it:
    these have seen the cases that this one is measured on.

    Attributes
    ----------
    run
        Its folder.
    out
        Where its predictions of cases without a label are kept.
    scratch
        A folder for the arrays that memory does not hold.
    """

    run: Path
    out: Path
    scratch: Path
    device: torch.device
    tell: Tell

    def teach(self, material: Material, fold: int, told: Pseudo) -> list[Sample]:
        """What a fold's member learns from: labelled cases as they are, and pseudo-labelled ones.

        Raises
        ------
        SettingsError
            If the earlier round has no member of the fold.
        """
        learned = material.training(fold)
        if told.swap:
            learned = self._with_predictions(learned, told)
        if not (told.share and told.weight):
            return learned
        held_out = material.held_out(fold)
        digests = {sample.digest for sample in held_out}
        groups = {material.folds.group_of.get(sample.case.id) for sample in held_out} - {None}
        named = [(material.labels, "")]
        named += [(other.labels, other.name) for other in material.others]
        for number, (labels, name) in enumerate(named):
            place = self.scratch / f"pseudo{fold}-{number}"
            place.mkdir()
            pseudo = self._label(labels, fold, self.out / f"fold{fold}" / str(number), told)
            sources = material.labels.cohort
            for sample in load(pseudo, material.recipe, place, sources=sources):
                if isinstance(sample, CohortError):
                    self.tell(Progress("predicting", 1.0, notice=str(sample)))
                elif sample.digest not in digests and not (
                    not name and material.folds.group_of.get(sample.case.id) in groups
                ):
                    known = replace(sample, is_pseudo=True)
                    learned.append(renamed(known, name) if name else known)
        return learned

    def _label(self, labels: Labels, fold: int, place: Path, told: Pseudo) -> PseudoLabels:
        ids = [case.id for case in labels.unlabelled()]
        with Predictor(self._member(fold), self.run, str(self.device)) as predictor:
            predictions = predicted(labels.cohort, ids, predictor, place, self.tell)
        return PseudoLabels.of(labels, predictions, told, self.tell)

    def _member(self, fold: int) -> Ensemble:
        """The earlier round's member of a fold, alone."""
        ensemble = read_ensemble(self.run)
        own = [one for one in ensemble.members if (one.weights or "").startswith(f"fold{fold}/")]
        if not own:
            raise SettingsError(f"has no member of fold {fold}", file=self.run)
        return ensemble.model_copy(update={"members": tuple(own)})

    def _with_predictions(self, samples: Sequence[Sample], told: Pseudo) -> list[Sample]:
        """The samples with their out-of-fold predictions, as far as there are any."""
        predictions = Predictions.open(self.run / OUT_OF_FOLD)
        return [_with_prediction(sample, predictions, told) for sample in samples]


def _with_prediction(sample: Sample, predictions: Predictions, told: Pseudo) -> Sample:
    prediction = predictions.read(sample.case.id)
    if prediction is None or prediction.in_sample:
        return sample
    try:
        found = mask_of(prediction, sample.case, told)
    except MaskError:  # without a pixel size the label itself has to do
        return sample
    return replace(sample, predicted=coverage_at(found, sample.coverage.shape))
