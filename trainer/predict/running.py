"""A cohort's predictions: read ahead, predicted, written behind, and gone on with later."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from trainer.data.case import Case
from trainer.data.opinions import KeptOpinions, Opinions
from trainer.errors import CohortError, ImageError, SettingsError
from trainer.predict.background import Ahead, Behind
from trainer.predict.ensemble import Prepared, Told
from trainer.predict.fusion import Opinion
from trainer.predict.networks import never
from trainer.predict.pace import Pace, Step

if TYPE_CHECKING:
    from trainer.data.cohort import Cohort
    from trainer.data.predictions import Predictions
    from trainer.predict.ensemble import Predictor


@dataclass(slots=True)
class Work:
    """A case on its way through.

    Attributes
    ----------
    made_of
        Digest of all that its prediction depends on.
    known
        Keys of the members' opinions that are kept already.
    prepared
        None where its prediction is there already.
    """

    case: Case
    made_of: str
    image: str = ""
    digest: str = ""
    known: frozenset[str] = frozenset()
    prepared: Prepared | None = None
    opinions: list[Opinion] = field(default_factory=list)

    def kept(self) -> Opinions:
        """Its members' opinions so far."""
        assert self.prepared is not None
        levels = {opinion.key: opinion.levels for opinion in self.opinions}
        names = {opinion.key: opinion.name for opinion in self.opinions}
        return Opinions(self.image, self.digest, self.prepared.shape, levels, names)


ITS_OWN = (ImageError, CohortError, SettingsError)
"""What befalls one case only."""


def predict_cohort(
    cohort: Cohort,
    case_ids: Iterable[str],
    predictor: Predictor,
    predictions: Predictions,
    cancelled: Callable[[], bool] = never,
    keep_members: bool = False,
) -> Iterator[Step]:
    """Predict cases and write each prediction, telling a step after each member and view.

    A case whose prediction is there and depends on nothing that has changed is passed over.
    While one case is predicted, the next is read and the last one is written. A case that
    cannot be read is told in its step and costs the others nothing; what would befall every
    case (weights, memory, a full disk) is raised. Closing the generator stops it.

    Parameters
    ----------
    cohort
        Whose cases.
    case_ids
        Of the cases, in the order wished for.
    predictor
        The ensemble.
    predictions
        Where they are kept.
    cancelled
        Asked before each layer of a network.
    keep_members
        Keep each member's probabilities beside the predictions. Where they are there already,
        they are used and kept up whatever is said here.

    Raises
    ------
    Cancelled
        Soon after `cancelled` says so.
    DeviceError, WeightsError
        As `Predictor.predict` raises them.
    """
    ids = list(case_ids)
    kept = KeptOpinions(predictions.folder)
    if keep_members:
        kept.begin()
    pace = Pace(len(ids))
    with (
        Ahead(lambda case_id: prepare(cohort, case_id, predictor, predictions, kept), ids) as ahead,
        Behind(predictions, kept) as behind,
    ):
        for before, case_id in enumerate(ids):
            yield pace.step(case_id, before)
            try:
                work = ahead.next()
            except ITS_OWN as error:
                yield pace.step(case_id, before + 1, error=error)
                continue
            if work.prepared is not None:
                steps = _network(predictor, work, behind, cancelled)
                with contextlib.closing(steps):
                    for told in steps:
                        yield pace.step(case_id, before + told.share)
                        yield from behind.told(pace)
                        while predictor.notices:
                            yield replace(pace.again(), notice=predictor.notices.popleft())
            yield replace(pace.step(case_id, before + 1), passed=work.prepared is None)
        behind.finish()
        yield from behind.told(pace)


def prepare(
    cohort: Cohort,
    case_id: str,
    predictor: Predictor,
    predictions: Predictions,
    kept: KeptOpinions,
) -> Work:
    """Read a case and make its networks' inputs, as far as networks have to see it.

    Raises
    ------
    CohortError, ImageError, SettingsError
        If the case cannot be predicted.
    """
    case = cohort.cases.get(case_id)
    if case is None or case.problem is not None:
        cohort.shape(case_id)  # raises what is wrong
        raise CohortError(f"there is no case {case_id}", file=cohort.csv)
    stamp = _stamp(case)
    work = Work(case, made_of(predictor.fingerprint, case, stamp), stamp)
    if predictions.made_of(case_id) == work.made_of:
        return work
    known = kept.read(case_id, stamp) if kept.are_kept else None
    if known is not None:
        work.digest, shape, levels = known.digest, known.shape, known.levels
        image = None
    else:
        image = cohort.image(case_id)
        work.digest, shape, levels = cohort.digest(case_id), image.shape[:2], {}
    work.known = frozenset(levels)
    work.prepared = predictor.prepare(
        lambda: cohort.image(case_id) if image is None else image,
        (shape[0], shape[1]),
        case_id,
        work.digest,
        case,
        levels,
    )
    return work


def made_of(fingerprint: str, case: Case, image: str) -> str:
    """Digest of all that a case's prediction depends on (hex).

    Parameters
    ----------
    fingerprint
        Of the ensemble.
    case
        Its organ and pixel size count.
    image
        The state of its image's file.
    """
    told = f"{fingerprint} {image} {case.organ} {case.pixel_size}"
    return hashlib.blake2b(told.encode(), digest_size=16).hexdigest()


def _stamp(case: Case) -> str:
    """What changes when the image's file does."""
    try:
        status = case.image_path.stat()
    except OSError as error:
        raise ImageError(
            f"cannot be read ({error.strerror})", file=case.image_path, case=case.id
        ) from error
    return f"{status.st_size} {status.st_mtime_ns}"


def _network(
    predictor: Predictor, work: Work, behind: Behind, cancelled: Callable[[], bool]
) -> Generator[Told, None, None]:
    """A case's predicting, what it gives being handed on to be written."""
    assert work.prepared is not None
    steps = predictor.steps(work.prepared, cancelled)
    with contextlib.closing(steps):
        while True:
            try:
                told = next(steps)
            except StopIteration as stop:
                behind.take(work.case.id, stop.value, work.made_of, None)
                return
            if told.opinion is not None:
                work.opinions.append(told.opinion)
                if told.opinion.key not in work.known and behind.keeps:
                    behind.take_opinions(work.case.id, work.kept(), told.opinion.name)
            yield told
