"""Which trials a time allows, and the values they begin with."""

from __future__ import annotations

import pytest

from steep.planning.search import (
    DESIGNS,
    RATE_STEP,
    Fit,
    first_rates,
    fitting,
    next_rate,
    other_shares,
    time_for_least,
)


def fit(
    seconds: float, *, passes: float = 8.0, whole: int = 100_000, least: int = 500
) -> Fit | None:
    return fitting(
        seconds,
        tokens_per_second=100.0,
        asking_seconds=5.0,
        passes=passes,
        whole_tokens=whole,
        least_tokens=least,
    )


# Broken by: units or trials left out of what a design takes.
@pytest.mark.parametrize("seconds", [30, 60, 120, 300, 600, 1800, 7200])
def test_what_fits_fits(seconds: float) -> None:
    found = fit(seconds)
    if found is None:
        assert seconds < time_for_least(100.0, asking_seconds=5.0, passes=8.0, least_tokens=500)
        return
    tokens = found.design.units * found.passes * found.slice_tokens
    assert tokens / 100.0 + 5.0 * found.design.trials <= seconds * 1.01
    assert found.slice_tokens >= 500
    assert 2.0 <= found.passes <= 8.0


def test_more_time_never_gives_a_poorer_search() -> None:
    found = [fit(seconds) for seconds in (10, 40, 80, 160, 320, 640, 1280, 2560)]
    places = [len(DESIGNS) if one is None else DESIGNS.index(one.design) for one in found]
    assert places == sorted(places, reverse=True)
    assert places[0] == len(DESIGNS)
    assert places[-1] == 0


# Broken by: a slice larger than the documents.
def test_a_small_corpus_is_taken_whole_with_the_runs_passes() -> None:
    found = fit(7200, whole=2000)
    assert found is not None
    assert (found.slice_tokens, found.passes) == (2000, 8.0)


def test_the_least_time_allows_the_least_search() -> None:
    least = time_for_least(100.0, asking_seconds=5.0, passes=8.0, least_tokens=500)
    found = fit(least + 0.01)
    assert found is not None
    assert found.design == DESIGNS[-1]
    assert fit(least - 1.0) is None


def test_rates_begin_about_the_recipes() -> None:
    assert first_rates(1e-3, 3, 2e-3) == pytest.approx([1e-3 / RATE_STEP, 1e-3, 1e-3 * RATE_STEP])
    assert first_rates(1e-3, 2, 2e-3) == pytest.approx([1e-3, 1e-3 * RATE_STEP])
    assert first_rates(4e-3, 2, 2e-3) == pytest.approx([4e-3, 4e-3 / RATE_STEP])
    assert next_rate([1.0, 2.0, 3.0], 2.0) is None
    assert next_rate([1.0, 2.0], 2.0) == pytest.approx(2 * RATE_STEP)
    assert next_rate([1.0, 2.0], 1.0) == pytest.approx(1 / RATE_STEP)


@pytest.mark.parametrize("usual", [0.0, 0.01, 0.2, 0.5, 0.9])
def test_shares_are_new_and_possible(usual: float) -> None:
    found = other_shares(usual, 3)
    assert found
    assert usual not in found
    assert all(0.0 < share <= 0.9 for share in found)
    assert len(set(found)) == len(found)
