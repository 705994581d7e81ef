"""The plan as lines: what would fit where a run doesn't."""

from __future__ import annotations

from steep.cli.plan import _what_would
from steep.planning.machine import Memory
from steep.planning.predict import predict
from tests.planning.calibrations import MB, calibration, workload
from tests.planning.test_predict import recipe


# Broken by: the largest stage of all named, or the one named whether it fits or not.
def test_the_stage_that_no_change_helps_is_named() -> None:
    def lines(found: int, weights: int = 900) -> list[str]:
        shape = calibration(weight_bytes=weights * MB)
        return _what_would(predict(recipe(), shape, workload(), Memory(8000 * MB, found * MB)))

    plain = "No smaller batch, row or method would: use a smaller model or more memory."
    assert lines(2300) == [plain.replace(":", ' ("export" alone takes 2.3 GB):')]
    assert lines(1150, weights=200) == [plain]
    assert lines(1700, weights=400)[0] == "What would (set in [train]):"
