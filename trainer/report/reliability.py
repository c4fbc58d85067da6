"""A reliability diagram: how often pixels of a probability are inside."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from matplotlib.figure import Figure

from trainer.data.atomic import replacing
from trainer.errors import SettingsError
from trainer.review.temperature import Calibrated

ENDINGS = (".png", ".svg", ".pdf")


def draw(organs: Mapping[str, Calibrated], path: Path) -> None:
    """Draw an organ a panel: before its temperature, and after it on cases held out.

    Parameters
    ----------
    organs
        At least one.
    path
        Of the picture: .png, .svg or .pdf.

    Raises
    ------
    SettingsError
        If it is of another kind, or cannot be written.
    """
    if path.suffix.lower() not in ENDINGS:
        raise SettingsError(f"is no {', '.join(ENDINGS)}", file=path, remedy="name it so")
    figure = Figure(figsize=(3.6 * len(organs), 3.8), layout="constrained")
    panels = figure.subplots(1, len(organs), squeeze=False)[0]
    for axes, (organ, one) in zip(panels, organs.items(), strict=True):
        axes.plot([0, 1], [0, 1], color="#808080", linewidth=1)
        lines = (
            (one.before, "o-", "#D55E00", "as it is"),
            (one.after, "s--", "#0072B2", f"T = {one.temperature.best:g}"),
        )
        for found, style, colour, name in lines:
            label = f"{name}, error {found.error:.3f}"
            axes.plot(found.told, found.true, style, color=colour, markersize=4, label=label)
        axes.set(xlim=(0, 1), ylim=(0, 1), title=organ, xlabel="probability")
        axes.set_aspect("equal")
        axes.legend(frameon=False, fontsize=8)
    panels[0].set_ylabel("share of pixels inside")
    with replacing(path, SettingsError) as draft, draft.open("wb") as handle:
        figure.savefig(handle, format=path.suffix[1:].lower(), dpi=150)
