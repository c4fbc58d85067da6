"""One module an organ, each with ``draw(frame) -> Tissue``."""

from trainer.demo.organs import kidney, large_intestine, lung, prostate, spleen
from trainer.demo.tissue import Organ

ORGANS: dict[str, Organ] = {
    "kidney": kidney.draw,
    "prostate": prostate.draw,
    "largeintestine": large_intestine.draw,
    "spleen": spleen.draw,
    "lung": lung.draw,
}
"""The competition's names of the organs, and who draws them."""
