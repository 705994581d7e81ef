"""The one tree of errors that steep raises on purpose.

Every message says what was found, where, and what to do about it, in one line.
"""

from __future__ import annotations


class SteepError(Exception):
    """Base of every error steep raises on purpose; ``exit_code`` is the command line's."""

    exit_code = 1


class UserInputError(SteepError):
    """What the user gave is wrong: a recipe key, a path, a file (exit code 2)."""

    exit_code = 2


class RecipeError(UserInputError):
    """A recipe that can't be run as written."""


class DocumentError(UserInputError):
    """Documents that are missing, empty or unreadable."""


class ModelError(UserInputError):
    """A base model that can't be found or loaded."""


class DriftError(UserInputError):
    """A run folder that was made from something else than what is asked for now."""


class BusyError(UserInputError):
    """A run folder that another process is working in."""


class ResourceError(UserInputError):
    """The machine ran out of something (disk, memory, permission); what was finished is safe."""


class LedgerError(SteepError):
    """Tokens or documents went missing between stages: a bug, never the user's fault."""


class PlanningError(SteepError):
    """A prediction that couldn't be made; never a reason to stop a run."""


class TrainingAlarm(SteepError):
    """Training met what it must not go on from; the update was not applied.

    Attributes:
        step: optimizer steps that were done.
        is_good: the state after them is one to keep, as far as can be told.
    """

    exit_code = 3

    def __init__(self, message: str, *, step: int = 0, is_good: bool = True) -> None:
        super().__init__(message)
        self.step = step
        self.is_good = is_good
