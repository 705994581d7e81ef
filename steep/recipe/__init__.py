"""Recipe: what the user asks for, checked before anything is spent."""

from steep.recipe.load import load_recipe, recipe_from, write_recipe
from steep.recipe.schema import (
    DataRecipe,
    EvaluateRecipe,
    ExportRecipe,
    Recipe,
    RetellRecipe,
    RewriteKind,
    RewriteRecipe,
    StrengthRecipe,
    TrainRecipe,
)

__all__ = [
    "DataRecipe",
    "EvaluateRecipe",
    "ExportRecipe",
    "Recipe",
    "RetellRecipe",
    "RewriteKind",
    "RewriteRecipe",
    "StrengthRecipe",
    "TrainRecipe",
    "load_recipe",
    "recipe_from",
    "write_recipe",
]
