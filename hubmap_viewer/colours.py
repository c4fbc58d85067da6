"""One colour for one meaning, everywhere: Okabe and Ito's palette for the colour-blind."""

from __future__ import annotations

TRUTH = "#009E73"
PREDICTION = "#E69F00"
CURATED = "#56B4E9"
SECOND = "#0072B2"
PREVIEW = "#F0E442"
SIDE = {"prediction": PREDICTION, "second": SECOND, "curated": CURATED}
"""Of the masks that are held against truth."""

KIND = {
    "missed": "#D55E00",
    "spurious": "#CC79A7",
    "merged": "#F0E442",
    "split": "#F0E442",
    "boundary": "#BBBBBB",
}
"""Of a finding; the word beside it says the same."""

STATUS = {
    "unreviewed": "#8a8a8a",
    "accepted": "#009E73",
    "in work": "#E69F00",
    "rejected": "#D55E00",
    "needs second opinion": "#56B4E9",
}
"""Of the badge beside a case; a shape and a word say the same."""

STATUS_SHAPE = {
    "unreviewed": "○",
    "in work": "◐",
    "accepted": "●",
    "rejected": "✕",
    "needs second opinion": "?",
}


def rgb(colour: str) -> tuple[int, int, int]:
    """Red, green and blue of a colour written as ``#RRGGBB``, 0 to 255."""
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return red, green, blue
