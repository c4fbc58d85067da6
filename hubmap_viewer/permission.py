"""Why the open case may not be changed now."""

from __future__ import annotations

from hubmap_viewer.open_case import OpenCase
from trainer.data.store import Held
from trainer.errors import TrainerError


def why_not(here: OpenCase | None, held: Held | None) -> TrainerError | None:
    """What keeps the user from drawing; None if nothing does.

    Parameters
    ----------
    here
        The open case.
    held
        Who else has the cohort open and may write.
    """
    if held is not None:
        return TrainerError(
            f"{held} has this cohort open, so this window can only look",
            case=None if here is None else here.id,
            remedy="close the other window and open the cohort here again",
        )
    if here is None:
        return None
    if here.taken is not None:
        return TrainerError(
            f"{here.taken.by} has this case in hand until "
            f"{here.taken.until.astimezone():%H:%M}, so this window can only look",
            case=here.id,
            remedy="review another case, or come back",
        )
    if here.lost is not None:
        return TrainerError(
            "strokes that were not saved wait for your decision",
            case=here.id,
            remedy="recover or discard them in the Review dock first",
        )
    return None


def no_store(here: OpenCase) -> TrainerError:
    """Why nothing of a case can be kept though it may be drawn on."""
    return TrainerError(
        "nothing can be kept here",
        case=here.id,
        remedy="copy the cohort to a folder that can be written and open that",
    )
