"""steep: continued pre-training on your documents, with the proof of what was learned.

Nothing heavy is imported here: each public name loads its module on first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_PUBLIC = {
    "Document": "steep.documents.record",
    "Recipe": "steep.recipe",
    "SteepError": "steep.errors",
    "bench": "steep.workflow",
    "clean_text": "steep.documents.cleaning.clean",
    "compare": "steep.stages.compare",
    "diagnose": "steep.stages.diagnose",
    "doctor": "steep.workflow",
    "evaluate": "steep.workflow",
    "evaluate_accuracy": "steep.proof.answers",
    "evaluate_perplexity": "steep.proof.perplexity",
    "load_model": "steep.model.load",
    "plan": "steep.workflow",
    "prepare": "steep.workflow",
    "read_documents": "steep.documents.read",
    "run": "steep.workflow",
    "test_knowledge": "steep.proof.answers",
    "train": "steep.workflow",
    "verify": "steep.stages.verify",
    "write_demo": "steep.demo",
}

__all__ = [
    "Document",
    "Recipe",
    "SteepError",
    "bench",
    "clean_text",
    "compare",
    "diagnose",
    "doctor",
    "evaluate",
    "evaluate_accuracy",
    "evaluate_perplexity",
    "load_model",
    "plan",
    "prepare",
    "read_documents",
    "run",
    "test_knowledge",
    "train",
    "verify",
    "write_demo",
]

if TYPE_CHECKING:
    from steep.demo import write_demo
    from steep.documents.cleaning.clean import clean_text
    from steep.documents.read import read_documents
    from steep.documents.record import Document
    from steep.errors import SteepError
    from steep.model.load import load_model
    from steep.proof.answers import evaluate_accuracy, test_knowledge
    from steep.proof.perplexity import evaluate_perplexity
    from steep.recipe import Recipe
    from steep.stages.compare import compare
    from steep.stages.diagnose import diagnose
    from steep.stages.verify import verify
    from steep.workflow import bench, doctor, evaluate, plan, prepare, run, train


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(importlib.import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'steep' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_PUBLIC])
