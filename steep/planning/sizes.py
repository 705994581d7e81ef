"""What memory holds at the model's depth, carried there from a calibration."""

from __future__ import annotations

from dataclasses import dataclass

from steep.model.quantised import BITS_PER_NUMBER, Bits
from steep.planning.calibrate import Calibration
from steep.planning.measured import Measured
from steep.training.linear import MOST_COPIED


@dataclass(frozen=True)
class Sizes:
    """What memory holds, in bytes at the model's depth.

    Attributes:
        idle: before a model is there.
        depth: decoder layers (not bytes).
        weights, trained: fp32 bytes of the base's parameters and of trainable ones.
        layers: those of the weights that stand in decoder layers.
        frozen: of the weights while adapters are trained; fewer than ``weights`` with ``load_in``.
        loading: peak of loading the base. Weights of fp32 files are mapped and take their place
            once; those of half-precision files stand beside their fp32 copies until all are read.
        working: bytes of a number in the products.
        asked, probed, stepped, saved: peaks as in ``Measured``, over ``idle``.
    """

    idle: int
    depth: int
    weights: int
    trained: int
    layers: int
    frozen: int
    loading: int
    working: int
    asked: int
    probed: int
    stepped: int
    saved: int

    @classmethod
    def of(
        cls,
        calibration: Calibration,
        held: int,
        half: bool,
        stored_half: bool = False,
        load_in: Bits | None = None,
    ) -> Sizes:
        """From a calibration; ``held`` is what the run's own process holds before it starts."""
        idle = max(held, max(m.idle_bytes for m in calibration.measured))

        def over(peak: str) -> int:
            def value(m: Measured) -> float:
                found = getattr(m, peak)
                return float((m.stepped_bytes if found is None else found) - m.idle_bytes)

            return round(calibration.at_depth(value))

        per_layer = calibration.per_layer(lambda m: m.weight_bytes)
        weights = round(calibration.at_depth(lambda m: m.weight_bytes))
        layers = round(per_layer * calibration.depth)
        return cls(
            idle=idle,
            depth=calibration.depth,
            weights=weights,
            trained=round(calibration.at_depth(lambda m: m.trained_bytes)),
            layers=layers,
            frozen=quantised_bytes(weights, layers, load_in),
            loading=weights * 3 // 2 if stored_half else weights,
            working=2 if half else 4,
            asked=over("asked_bytes"),
            probed=over("probed_bytes"),
            stepped=over("stepped_bytes"),
            saved=over("saved_bytes"),
        )

    @property
    def copied(self) -> int:
        """As much of ``layers`` as is copied where products take copies of the weights."""
        return self.layers if self.layers <= 4 * MOST_COPIED else 0

    @property
    def judging(self) -> int:
        """What asking takes beside the weights."""
        return max(0, self.asked - self.weights)

    @property
    def fixed(self) -> int:
        """What a step holds whatever its rows: weights, gradients, Adam's two moments, copies."""
        return self.held_by(self.trained)

    def held_by(self, trained: int) -> int:
        """As ``fixed``, with ``trained`` bytes of trainable parameters beside frozen weights."""
        own = 0 if trained >= self.weights else trained
        if self.frozen < self.weights:
            return self.frozen + own + 3 * trained
        copies = self.copied * self.working // 4 if self.working < 4 else 0
        return self.weights + own + 3 * trained + copies


def quantised_bytes(weights: int, layers: int, load_in: Bits | None) -> int:
    """What weights take when those of decoder layers, ``layers`` bytes in fp32, are quantised."""
    if load_in is None:
        return weights
    return weights - layers + round(layers * BITS_PER_NUMBER[load_in] / 32)
