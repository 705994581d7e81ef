"""How often, and in how many wordings, a fact has to be met before it becomes an answer."""

from __future__ import annotations

FEW_EXPOSURES = 20
FEW_WORDINGS = 3

ENOUGH_EXPOSURES = 30
"""What is advised where a budget gives fewer: beyond the least, for facts below the median."""
