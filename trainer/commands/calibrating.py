"""What `calibrate` advises beyond a threshold: chosen, written, drawn, told."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE
from rich.table import Table

from trainer.commands import counted
from trainer.errors import PredictionError
from trainer.terminal import Terminal, Wish

if TYPE_CHECKING:
    from trainer.data.cohort import Cohort
    from trainer.data.predictions import Predictions
    from trainer.review.calibration import OrganSetting
    from trainer.review.held_out import Choice
    from trainer.review.histograms import Histograms
    from trainer.review.temperature import Reliability


def advise(
    cohort: Cohort,
    runs: Sequence[Predictions],
    histograms: Histograms,
    terminal: Terminal,
    wish: Wish,
    write: Path | None,
    diagram: Path | None,
) -> list[OrganSetting]:
    """Choose each organ's setting, and write and draw it where that is asked for.

    Raises
    ------
    PredictionError
        If the runs have no case in common that none of them saw in training.
    SettingsError
        If the runs make no one ensemble, or a file cannot be written.
    Cancelled
        If the user wishes to stop.
    """
    from trainer.report.reliability import draw
    from trainer.review import written
    from trainer.review.calibration import OutOfFold
    from trainer.review.mixing import Mixer

    mixer, sources = None, []
    if len(runs) > 1 or write is not None:
        sources = [written.Source.of(one) for one in runs]
    if len(runs) > 1:
        mixer = Mixer(written.mixable(runs, sources))
        histograms = _common(cohort, runs, histograms, terminal, wish)
    organs = sorted({histograms.organs[place] for place in histograms.measured()})
    with terminal.meter() as meter:

        def told(text: str, done: float) -> None:
            wish.heed()
            meter.show(text, done, None)

        chooser = OutOfFold(cohort, runs, histograms, mixer, told)
        found = [chooser.organ(organ) for organ in organs]
    if write is not None:
        written.write(write, sources, found, runs[0])
        terminal.note(f"{write}: written.")
    shown = {one.organ: one.calibration for one in found if one.calibration is not None}
    if diagram is not None and shown:
        draw(shown, diagram)
        terminal.note(f"{diagram}: drawn.")
    return found


def _common(
    cohort: Cohort,
    runs: Sequence[Predictions],
    first: Histograms,
    terminal: Terminal,
    wish: Wish,
) -> Histograms:
    """The first run's histograms of the cases that no run saw in training."""
    from trainer.review.histograms import Histograms

    unseen = {first.ids[place] for place in first.measured()}
    for run in runs[1:]:
        other = counted.histograms(cohort, run, terminal, wish)
        own = {other.ids[place] for place in other.measured()}
        if not own:
            raise PredictionError(
                "all cases were seen in training",
                file=run.folder,
                remedy="name predictions of folds that did not see them, such as a run's `oof`",
            )
        unseen &= own
    if not unseen:
        raise PredictionError("the runs have no case in common that none saw in training")
    return Histograms([one for one in first if one.case_id in unseen])


def as_json(found: Sequence[OrganSetting]) -> list[dict[str, Any]]:
    """A document an organ."""
    rows = []
    for one in found:
        row: dict[str, Any] = {"organ": one.organ, "threshold": asdict(one.threshold)}
        row["weights"] = None if one.weights is None else _choice(one.weights)
        row["temperature"] = row["reliability"] = None
        if one.calibration is not None:
            row["temperature"] = _choice(one.calibration.temperature)
            row["reliability"] = {
                "before": _reliability(one.calibration.before),
                "after": _reliability(one.calibration.after),
            }
        row["min_area"] = _choice(one.area)
        rows.append(row)
    return rows


def _choice(choice: Choice[Any]) -> dict[str, Any]:
    gain = choice.gain
    told = {"plain": choice.plain, "best": choice.best, "used": choice.used}
    plain = {
        key: value.model_dump(mode="json") if hasattr(value, "model_dump") else value
        for key, value in told.items()
    }
    return {**plain, **asdict(gain), "within_noise": gain.within_noise}


def _reliability(found: Reliability) -> dict[str, Any]:
    def listed(values: Any) -> list[float | None]:
        return [None if math.isnan(value) else float(value) for value in values]

    told, true, share = map(listed, (found.told, found.true, found.share))
    return {"error": found.error, "told": told, "true": true, "share": share}


def table(found: Sequence[OrganSetting]) -> Table:
    """A row a choice: what is best, its gain on cases held out, what is used."""
    title = "One after the other, each with its gain over the plain setting on cases held out"
    shown = Table(title=title, box=SIMPLE, collapse_padding=True)
    for name in ("organ", "what", "best"):
        shown.add_column(name)
    for name in ("held out", "± SE", "sd", "use"):
        shown.add_column(name, justify="right")
    for one in found:
        if one.weights is not None:
            shown.add_row(one.organ, "weights", *_cells(one.weights))
        if one.calibration is not None:
            shown.add_row(one.organ, "temperature", *_cells(one.calibration.temperature))
            before, after = one.calibration.before.error, one.calibration.after.error
            shown.add_row("", "", f"error {before:.3f} → {after:.3f}", "", "", "", "")
        best = one.threshold
        gain = (f"{best.cross_validated_gain:+.3f}", f"{best.error:.3f}", f"{best.spread:.3f}")
        use = "–" if best.within_noise else f"{best.threshold:g}"
        shown.add_row(one.organ, "threshold", f"{best.threshold:g}", *gain, use)
        shown.add_row(one.organ, "min_area", *_cells(one.area))
    return shown


def _cells(choice: Choice[Any]) -> tuple[str, str, str, str, str]:
    gain = choice.gain
    best = _words(choice.best)
    figures = (f"{gain.mean:+.3f}", f"{gain.error:.3f}", f"{gain.spread:.3f}")
    return best, *figures, "–" if gain.within_noise else best


def _words(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, tuple):
        return " ".join(f"{share:.2f}" for share in value)
    if isinstance(value, float):
        return f"{value:g}"
    ((unit, size),) = value.model_dump(mode="json").items()
    return f"{size:g} {'µm²' if unit == 'um2' else unit}"
