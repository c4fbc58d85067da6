"""How large images are while a training looks at them."""

from __future__ import annotations

import statistics

from trainer.data.case import Case, Image
from trainer.data.cohort import Cohort
from trainer.data.tiff import LARGEST
from trainer.errors import CohortError, SettingsError
from trainer.predict import frame
from trainer.settings import Coarser, Recipe


def shape_for(case: Case, shape: tuple[int, int], recipe: Recipe) -> tuple[int, int]:
    """(h, w) that an image of `shape` is kept at: the largest that the recipe's batches want.

    Raises
    ------
    CohortError
        If the recipe resamples to a pixel size, and the case has none or becomes too large.
    """
    if recipe.resize == "squeeze":
        return recipe.largest, recipe.largest
    if recipe.pixel_size is None:
        return frame.fitted(shape, recipe.largest)
    if case.pixel_size is None:
        raise CohortError(
            f"has no pixel size, and the recipe resamples to {recipe.pixel_size:g} µm/px",
            case=case.id,
            remedy="fill in its pixel_size in the csv, or give the recipe a `size` instead",
        )
    found = frame.scaled(shape, case.pixel_size / recipe.pixel_size)
    if max(found) > LARGEST:
        raise CohortError(
            f"would become {max(found)} pixels long, more than {LARGEST}",
            case=case.id,
            remedy="check its pixel_size in the csv and the recipe's",
        )
    return found


def as_predicted(image: Image, recipe: Recipe) -> Image:
    """A kept image at the size at which it is predicted."""
    if recipe.pixel_size is not None:
        return image
    height, width = image.shape[:2]
    return frame.resized(image, frame.scaled((height, width), recipe.size / recipe.largest))


def coarser_by(cohort: Cohort, case: Case, um: float | None, wanted: Coarser) -> float | None:
    """Share of a kept image's side that another scanner's pixels would leave.

    Parameters
    ----------
    cohort, case
        Whose image it is; the cohort knows other sources' pixel sizes.
    um
        Pixel size of the kept image.
    wanted
        The other scanner.

    Returns
    -------
    Above 1 where those pixels are finer; None where a pixel size is not known.
    """
    theirs = wanted.um if wanted.source is None else _of_source(cohort, case.organ, wanted.source)
    return None if um is None or theirs is None else um / theirs


def check_sources(cohort: Cohort, recipe: Recipe) -> None:
    """Refuse data sources of `coarser` that the cohort knows no pixel size of.

    Raises
    ------
    SettingsError
        If there is one.
    """
    everywhere = (recipe.augmentation, *recipe.augmentation.by_organ.values())
    wanted = {one.coarser.source for one in everywhere if one.coarser is not None} - {None}
    known = {case.data_source for case in cohort.cases.values() if case.pixel_size is not None}
    if missing := sorted(str(source) for source in wanted - known):
        raise SettingsError(
            f"`coarser` names the source {missing[0]}, and no case of it has a pixel size",
            file=cohort.csv,
            remedy="correct the name, or say `um` instead",
        )


def _of_source(cohort: Cohort, organ: str, source: str) -> float | None:
    found = [
        case.pixel_size
        for case in cohort.cases.values()
        if case.organ == organ and case.data_source == source and case.pixel_size is not None
    ]
    return statistics.median(found) if found else None
