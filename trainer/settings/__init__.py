"""Recipe and ensemble: the two YAML files on which all else depends."""

from trainer.settings.ensemble import Ensemble
from trainer.settings.folds import HoldOut
from trainer.settings.labels import LabelWeights, Predicted, Pseudo
from trainer.settings.member import Member, Window
from trainer.settings.postprocess import Area, DenseCrf, Masking, PostProcessing, Split
from trainer.settings.reading import read_ensemble, read_recipe, to_yaml
from trainer.settings.recipe import Augmentation, Network, Recipe
from trainer.settings.sampling import Sampling
from trainer.settings.tta import Average, Stain, View

__all__ = [
    "Area",
    "Augmentation",
    "Average",
    "DenseCrf",
    "Ensemble",
    "HoldOut",
    "LabelWeights",
    "Masking",
    "Member",
    "Network",
    "PostProcessing",
    "Predicted",
    "Pseudo",
    "Recipe",
    "Sampling",
    "Split",
    "Stain",
    "View",
    "Window",
    "read_ensemble",
    "read_recipe",
    "to_yaml",
]
