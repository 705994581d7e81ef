"""What is held still while new rows are learned."""

from __future__ import annotations

import pytest
import torch

from steep.model.adapters import ParameterGroup
from steep.training.new_rows import NewRows


def groups() -> list[ParameterGroup]:
    """An embedding, a head with a bias, and a matrix between them, all with gradients."""
    shapes = {"embed_tokens.weight": (6, 2), "lm_head.weight": (6, 2), "lm_head.bias": (6,)}
    made = {name: torch.nn.Parameter(torch.ones(shape)) for name, shape in shapes.items()}
    middle = torch.nn.Parameter(torch.ones(2, 2))
    for parameter in (*made.values(), middle):
        parameter.grad = torch.ones_like(parameter)
    return [
        ParameterGroup("embeddings", tuple(made.items()), 0.1, 0.0),
        ParameterGroup("matrices", (("q_proj.weight", middle),), 0.1, 0.0),
    ]


@pytest.mark.parametrize("step", [0, 1, 2])
@pytest.mark.parametrize("only", [frozenset(), frozenset({"lm_head"})])
def test_old_rows_and_old_biases_stay_still(step: int, only: frozenset[str]) -> None:
    # Seen to fail with vectors passed over, and with a range that ends at the new rows.
    found = groups()
    NewRows(range(3, 5), first_steps=2, only=only).hold(found, step)
    alone = step < 2
    for name, parameter in found[0].parameters:
        held = alone or name.split(".")[0] in only
        kept = [0, 0, 0, 1, 1, 0] if held else [1] * 6
        assert parameter.grad is not None
        assert parameter.grad.reshape(6, -1)[:, 0].tolist() == kept
    (_, middle) = found[1].parameters[0]
    assert (middle.grad is None) is alone


# Seen to fail with the whole matrix taken along, and with the pace counted from zero.
@pytest.mark.parametrize("pace", [0.0, 0.5, 1.0, 10.0])
def test_new_rows_have_a_rate_of_their_own(pace: float) -> None:
    found = groups()
    parameters = [p for group in found for _, p in group.parameters]
    optimizer = torch.optim.AdamW(parameters, lr=0.01, weight_decay=0.0)
    with NewRows(range(3, 5), pace=pace).at_their_pace(found):
        optimizer.step()
    for group in found:
        for _, parameter in group.parameters:
            moved = (1.0 - parameter.detach().reshape(len(parameter), -1)[:, 0]) / 0.01
            fast = [1, 1, 1, pace, pace, 1] if group.name == "embeddings" else [1, 1]
            assert moved.tolist() == pytest.approx(fast, abs=1e-4)
