"""What the members' list says of itself, in sentences."""

from __future__ import annotations

from hubmap_viewer.hearing import Found
from hubmap_viewer.members import Members
from hubmap_viewer.mix import Mixed
from hubmap_viewer.open_case import OpenCase

NOT_KEPT = (
    "What each member says of this case is not kept. In the Ensemble dock predict it with "
    "“Keep each member's probabilities”, and members can be mixed here."
)
_FUSIONS = {"mean": "weighted mean", "geometric": "weighted geometric mean", "vote": "votes"}
_OF_CRF = {
    None: "",
    False: " The dense CRF is still to come.",
    True: " The dense CRF has refined it.",
}
_OTHERS = "The other cases' masks and scores are still of the weights before"


def title(found: Found) -> str:
    """Which ensemble, of how many members, mixed how."""
    count, ensemble = len(found.panel.members), found.panel.ensemble
    many = "" if count == 1 else "s"
    return f"{ensemble.name} · {count} member{many} · {_FUSIONS[ensemble.fusion]}"


def state(model: Members) -> str:
    """What is shown of the open case, or why nothing is."""
    here = model.session.open
    if model.session.predictions is None:
        return "No predictions are shown: predict cases first, in the Ensemble dock."
    if model.problem:
        return f"Problem: {model.problem}"
    if model.searching:
        return "Looking for the ensemble that made these predictions …"
    if model.found is None:
        return "The ensemble that made these predictions is not in the cohort's folder."
    if here is None:
        return "Open a case to mix its members."
    if here.blind:
        return "This case is drawn blind: its members are hidden until it is finished."
    if model.heard is not None and not model.heard.levels:
        return NOT_KEPT
    if model.mixed is None:
        return f"Reading what the members say of {here.id} …"
    return _of_mix(model, here, model.mixed)


def _of_mix(model: Members, here: OpenCase, mixed: Mixed) -> str:
    asked, missing = len(mixed.asked), len(mixed.missing)
    if missing and here.predicted is not None and model.is_partial:
        return f"Case {here.id}: {asked - missing} of {asked} members so far."
    if missing and model.is_mix:
        return (
            f"Case {here.id}: {missing} of {asked} members are not kept, so the mix is not"
            " shown. Predict the case with them kept."
        )
    what = "the mix being tried" if model.is_mix else "as predicted"
    score = here.scores.prediction
    before = "" if model.before is None else f"{model.before:.3f} → "
    dice = "" if score is None else f", Dice {before}{score:.3f}"
    return f"Case {here.id}: {what}{dice}.{_OF_CRF[model.refined]}"


def caveat(model: Members) -> str:
    """What the weights do not hold for yet; empty where they hold for all."""
    if model.found is None or not (model.is_outdated or model.tried.changed()):
        return ""
    if model.unwritten:
        return f"{_OTHERS}."
    return (
        f"{_OTHERS}: mix them anew, without a network. Both mixes stay, and the Compare dock"
        " tells them apart."
    )


def why_not_mix_all(model: Members, *, busy: bool) -> str:
    """Why the other cases cannot be mixed now; empty where they can."""
    if busy:
        return "A prediction is running."
    if model.unwritten:
        return "Write the weights first: all cases are mixed as the file says."
    return "" if model.is_outdated else "Every case is mixed as the file says."
