"""Recipe and ensemble: the two YAML files on which all else depends."""

from trainer.settings.ensemble import Ensemble
from trainer.settings.labels import LabelWeights, Predicted
from trainer.settings.member import Member, Window
from trainer.settings.network import Network
from trainer.settings.postprocess import Area, DenseCrf, Masking, PostProcessing, Split
from trainer.settings.reading import read_ensemble, read_recipe, to_yaml, validated
from trainer.settings.recipe import Augmentation, Recipe
from trainer.settings.tta import Average, Stain, View

__all__ = [
    "Area",
    "Augmentation",
    "Average",
    "DenseCrf",
    "Ensemble",
    "LabelWeights",
    "Masking",
    "Member",
    "Network",
    "PostProcessing",
    "Predicted",
    "Recipe",
    "Split",
    "Stain",
    "View",
    "Window",
    "read_ensemble",
    "read_recipe",
    "to_yaml",
    "validated",
]
