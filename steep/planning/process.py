"""A child process that imports at once and then waits for what it is to do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType

from steep.errors import PlanningError, RecipeError

_PACKAGE = Path(__file__).parent.parent
_RECIPE_ERROR = "steep.errors.RecipeError: "
_SECONDS = 300.0


class Child:
    """Runs a module in a new process; use as a context manager, so that none is left behind.

    Raises:
        PlanningError: it couldn't be started.
    """

    def __init__(self, module: str) -> None:
        paths = [str(_PACKAGE.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", module],
                env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        except OSError as error:
            raise PlanningError(f"no process for measuring could be started ({error})") from error

    def __enter__(self) -> Child:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def ask(self, text: str, seconds: float = _SECONDS) -> str:
        """Give it ``text`` on its stdin; what it wrote to stdout until its end.

        Raises:
            PlanningError: it failed, was killed, or took too long.
            RecipeError: the recipe asks for what this model hasn't got.
        """
        try:
            answer, complaint = self._process.communicate(text, seconds)
        except subprocess.TimeoutExpired:
            self._end()
            raise PlanningError(f"measuring took longer than {seconds:.0f} s") from None
        code = self._process.returncode
        if code < 0:
            raise PlanningError(
                f"measuring was killed by signal {-code} (most likely out of memory)"
            )
        if code:
            lines = complaint.strip().splitlines()
            if lines and lines[-1].startswith(_RECIPE_ERROR):
                raise RecipeError(lines[-1].removeprefix(_RECIPE_ERROR))
            said = lines[-1][:300] if lines else "no reason given"
            raise PlanningError(f"measuring failed: {said}")
        return answer

    def _end(self) -> None:
        """Kill it if it is still there, and close its pipes."""
        process = self._process
        if process.poll() is None:
            process.kill()
        process.communicate()
