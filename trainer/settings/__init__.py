"""Recipe and ensemble: the two YAML files on which all else depends."""

from trainer.settings.augmentation import Augmentation, Change, Changes, Coarser, Transfer
from trainer.settings.ensemble import Ensemble
from trainer.settings.labels import LabelWeights, Predicted
from trainer.settings.member import Member, Window
from trainer.settings.network import Network
from trainer.settings.objective import AuxiliaryShares, Objective
from trainer.settings.postprocess import Area, DenseCrf, Masking, PostProcessing, Split
from trainer.settings.reading import read_ensemble, read_recipe, to_yaml, validated
from trainer.settings.recipe import Recipe
from trainer.settings.training import Training
from trainer.settings.tta import Average, Stain, View

__all__ = [
    "Area",
    "Augmentation",
    "AuxiliaryShares",
    "Average",
    "Change",
    "Changes",
    "Coarser",
    "DenseCrf",
    "Ensemble",
    "LabelWeights",
    "Masking",
    "Member",
    "Network",
    "Objective",
    "PostProcessing",
    "Predicted",
    "Recipe",
    "Split",
    "Stain",
    "Training",
    "Transfer",
    "View",
    "Window",
    "read_ensemble",
    "read_recipe",
    "to_yaml",
    "validated",
]
