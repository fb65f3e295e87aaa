from __future__ import annotations

import numpy as np
import pytest

from mmfeat.errors import MmfeatError
from mmfeat.figures import palettes


def luminance(rgb: np.ndarray) -> np.ndarray:
    """Relative luminance of sRGB (IEC 61966-2-1)."""
    share = rgb.astype(np.float64) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return linear @ np.array([0.2126, 0.7152, 0.0722])


def as_seen_without_red_cones(rgb: np.ndarray) -> np.ndarray:
    """Viénot, Brettel and Mollon 1999: protanopes see red and green as one."""
    linear = (rgb.astype(np.float64) / 255) ** 2.2
    matrix = [[0.11238, 0.88762, 0.0], [0.11238, 0.88762, 0.0], [0.00401, -0.00401, 1.0]]
    return linear @ np.array(matrix).T


def test_sequential_rises_in_lightness_so_that_it_reads_in_grey() -> None:
    rising = luminance(palettes.sequential(np.linspace(0, 1, 256)))
    assert (np.diff(rising) > -1e-3).all()
    assert rising[-1] - rising[0] > 0.6


def test_heat_falls_in_lightness() -> None:
    falling = luminance(palettes.heat(np.linspace(0, 1, 256)))
    assert (np.diff(falling) < 1e-3).all()


def test_ends_of_the_modality_colours_stay_apart_without_red_cones() -> None:
    text, both, image = as_seen_without_red_cones(palettes.diverging(np.array([0, 0.5, 1])))
    assert np.abs(text - image).max() > 0.4
    assert min(np.abs(text - both).max(), np.abs(image - both).max()) > 0.15


def test_categories_stay_apart_without_red_cones() -> None:
    seen = as_seen_without_red_cones(palettes.CATEGORIES)
    for first in range(3):
        for second in range(first):
            assert np.abs(seen[first] - seen[second]).max() > 0.15


def test_values_past_the_ends_take_the_colours_of_the_ends() -> None:
    found = palettes.sequential(np.array([-5.0, 0.0, 1.0, 7.0]))
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[2], found[3])
    assert found.dtype == np.uint8


@pytest.mark.parametrize("scale", [palettes.sequential, palettes.diverging, palettes.heat])
def test_missing_values_are_pale_grey(scale) -> None:
    found = scale(np.array([np.nan, np.inf, 0.5]))
    np.testing.assert_array_equal(found[:2], [palettes.MISSING] * 2)
    assert (found[2] != palettes.MISSING).any()


FEATURES = {
    "modality_score": np.array([0.0, 0.5, 1.0, np.nan], np.float32),
    "n_languages": np.array([0, 3, 6, 0], np.int16),
    "firing_rate_image": np.array([0.2, 0.02, 0, 0], np.float32),
    "firing_rate_text": np.array([0.0, 0.0, 2e-4, 0], np.float32),
    "shared": np.array([False, True, False, True]),
    "testable": np.array([True, True, False, False]),
}


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("modality_score", [0, 0.5, 1, np.nan]),
        ("n_languages", [0, 3, 6, 0]),
        ("firing_rate", [0.1, 0.01, 1e-4, 0]),
        ("shared", [1, 2, 0, 0]),
    ],
)
def test_values_that_a_colouring_shows(key: str, expected: list[float]) -> None:
    found = palettes.values_of(palettes.colouring(key), FEATURES)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_colours_follow_the_bounds_of_the_colouring() -> None:
    chosen = palettes.colouring("n_languages")
    assert palettes.bounds(chosen, 6) == (0, 6)
    found = palettes.colour_values(chosen, np.array([0.0, 3.0, 6.0]), 6)
    np.testing.assert_array_equal(found, palettes.sequential(np.array([0, 0.5, 1])))
    rate = palettes.colouring("firing_rate")
    found = palettes.colour_values(rate, np.array([1e-4, 1e-2, 1.0, 0.0]), 6)
    np.testing.assert_array_equal(found, palettes.sequential(np.array([0, 0.5, 1, np.nan])))
    shared = palettes.colour_values(palettes.colouring("shared"), np.array([0.0, 1, 2]), 6)
    np.testing.assert_array_equal(shared, palettes.CATEGORIES)


def test_every_colouring_has_a_label_and_its_own_key() -> None:
    assert set(palettes.COLOURINGS) == {"modality_score", "n_languages", "firing_rate", "shared"}
    for key, chosen in palettes.COLOURINGS.items():
        assert chosen.key == key
        assert chosen.label


def test_black_type_reads_on_every_shade_and_more_is_darker() -> None:
    shades = luminance(palettes.shade(np.linspace(0, 1, 64)))
    assert ((shades + 0.05) / 0.05 > 4.5).all()  # WCAG 2, contrast of body text
    assert (np.diff(shades) < 1e-3).all()


def test_series_stay_apart_without_red_cones_and_in_grey() -> None:
    seen, grey = as_seen_without_red_cones(palettes.SERIES), luminance(palettes.SERIES)
    for first in range(len(seen)):
        for second in range(first):
            apart = np.abs(seen[first] - seen[second]).max(), abs(grey[first] - grey[second])
            assert max(apart) > 0.1, (first, second)


@pytest.mark.parametrize(
    ("values", "kind", "bounds"),
    [
        ([True, False], "category", (0, 1)),
        ([0.25, 0.5, np.nan], "sequential", (0.25, 0.5)),
        ([-3.0, 400.0], "sequential", (-3, 400)),
        ([0.0, 0.001, 10.0], "log", (0.001, 10)),
        ([1e-30, 1.0], "log", (1e-6, 1)),
        ([5.0, 5.0], "sequential", (0, 5)),
        ([np.nan, np.nan], "sequential", (0, 1)),
    ],
)
def test_any_score_has_a_colouring(
    values: list[float], kind: str, bounds: tuple[float, float]
) -> None:
    features = {"my_score": np.array(values)}
    found = palettes.colouring("my_score", features)
    assert (found.key, found.kind, found.label) == ("my_score", kind, "my score")
    assert palettes.bounds(found, 3) == pytest.approx(bounds)
    np.testing.assert_array_equal(palettes.values_of(found, features), np.array(values, float))
    colours = palettes.colour_values(found, np.array(values, np.float64), 3)
    missing = (colours == palettes.MISSING).all(1)
    np.testing.assert_array_equal(
        missing, ~np.isfinite(values) | (np.array(values) == 0) * (kind == "log")
    )


def test_a_usual_colouring_comes_before_a_score_of_its_name() -> None:
    assert palettes.colouring("shared", FEATURES) == palettes.COLOURINGS["shared"]
    with pytest.raises(MmfeatError, match=r"'age'; choose one of .*shared, firing_rate_image"):
        palettes.colouring("age", FEATURES)


def test_an_unknown_colouring_is_refused_with_those_known() -> None:
    with pytest.raises(MmfeatError, match="no colouring 'age'; choose one of modality_score"):
        palettes.colouring("age")
