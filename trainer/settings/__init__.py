"""Recipe and ensemble: the two YAML files on which all else depends."""

from trainer.settings.ensemble import Ensemble, Flip, Member
from trainer.settings.labels import LabelWeights, Predicted
from trainer.settings.postprocess import Area, DenseCrf, Masking, PostProcessing, Split
from trainer.settings.reading import read_ensemble, read_recipe, to_yaml
from trainer.settings.recipe import Augmentation, Network, Recipe

__all__ = [
    "Area",
    "Augmentation",
    "DenseCrf",
    "Ensemble",
    "Flip",
    "LabelWeights",
    "Masking",
    "Member",
    "Network",
    "PostProcessing",
    "Predicted",
    "Recipe",
    "Split",
    "read_ensemble",
    "read_recipe",
    "to_yaml",
]
