"""Recipe: what the user asks for, checked before anything is spent."""

from steep.recipe.assistant import DpoRecipe, RowsRecipe, SftRecipe
from steep.recipe.load import load_recipe, recipe_from, write_recipe
from steep.recipe.resolve import default_rate
from steep.recipe.schema import EvaluateRecipe, ExportRecipe, Recipe
from steep.recipe.texts import DataRecipe, RetellRecipe, RewriteKind, RewriteRecipe
from steep.recipe.training import GuardRecipe, StageRecipe, StrengthRecipe, TrainRecipe
from steep.recipe.vocabulary import VocabularyRecipe

__all__ = [
    "DataRecipe",
    "DpoRecipe",
    "EvaluateRecipe",
    "ExportRecipe",
    "GuardRecipe",
    "Recipe",
    "RetellRecipe",
    "RewriteKind",
    "RewriteRecipe",
    "RowsRecipe",
    "SftRecipe",
    "StageRecipe",
    "StrengthRecipe",
    "TrainRecipe",
    "VocabularyRecipe",
    "default_rate",
    "load_recipe",
    "recipe_from",
    "write_recipe",
]
