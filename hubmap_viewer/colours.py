"""One colour for one meaning, everywhere: Okabe and Ito's palette for the colour-blind."""

from __future__ import annotations

TRUTH = "#009E73"
PREDICTION = "#E69F00"
CURATED = "#56B4E9"
SECOND = "#0072B2"

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
    "in work": "#E69F00",
    "accepted": "#009E73",
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
