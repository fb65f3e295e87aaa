from __future__ import annotations

import numpy as np
import pytest

from mmfeat.figures.palettes import (
    CATEGORIES,
    COLOURINGS,
    MISSING,
    SERIES,
    colour_values,
    values_of,
)
from mmfeat_gui.resources import strings
from mmfeat_gui.state.painting import (
    colour_keys,
    paint_scores,
    paint_sources,
    paint_tag,
    score_name,
    size_keys,
    sizes_of,
    value_text,
)
from mmfeat_gui.state.selection import Selection

SCORES = {
    "modality_score": np.array([0.0, 0.5, 1.0, np.nan], np.float32),
    "n_languages": np.array([0, 3, 6, 0], np.int16),
    "firing_rate_image": np.array([0.2, 0.02, 0, 0], np.float32),
    "firing_rate_text": np.array([0.0, 0.0, 2e-4, 0], np.float32),
    "energy_image": np.array([0.1, 1e-5, 10.0, 0.0], np.float32),
    "energy_text": np.array([0.3, np.nan, 30.0, 0.0], np.float32),
    "shared": np.array([False, True, False, True]),
    "testable": np.array([True, True, False, False]),
}


@pytest.fixture(autouse=True)
def english() -> None:
    strings.use("en")


@pytest.mark.parametrize("key", [*COLOURINGS, "energy_image", "testable"])
def test_points_have_the_colours_of_their_values(key: str) -> None:
    found = paint_scores(key, SCORES, 6)
    assert found.chosen.key == key
    if key in COLOURINGS:
        expected = colour_values(COLOURINGS[key], values_of(COLOURINGS[key], SCORES), 6)
        np.testing.assert_array_equal(found.table[found.codes], expected)
    assert found.counts().sum() == 4


def test_a_score_that_is_not_there_gives_the_usual_colours() -> None:
    assert paint_scores("no such score", SCORES, 6).chosen.key == next(iter(COLOURINGS))


def test_categories_switched_off_hide_their_points() -> None:
    found = paint_scores("shared", SCORES, 6)
    assert found.shown(frozenset()).all()
    assert found.shown(frozenset({"untestable"})).tolist() == [True, True, False, False]
    assert found.shown(frozenset({"shared", "not shared"})).tolist() == [False, False, True, True]
    # Of another colouring: nothing is switched off by it.
    assert paint_scores("modality_score", SCORES, 6).shown(frozenset({"shared"})).all()


def test_a_tag_is_told_by_colour_and_by_words() -> None:
    found = paint_tag("새", Selection.of([1, 3]), 5)
    assert found.codes.tolist() == [0, 1, 0, 1, 0]
    assert found.text(1) == "tag: 새: tagged" and found.text(0) == "tag: 새: not tagged"
    np.testing.assert_array_equal(found.table, [MISSING, SERIES[1]])
    assert found.shown(frozenset({"untagged"})).tolist() == [False, True, False, True, False]


def test_features_of_several_saes_are_told_apart() -> None:
    found = paint_sources(tuple("abcdefgh"), np.array([0, 0, 7, 3]))
    assert len({tuple(colour) for colour in found.table[:6].tolist()}) == 6
    assert found.counts().tolist() == [2, 0, 0, 1, 0, 0, 0, 1]
    assert found.shown(frozenset({"sae:0"})).tolist() == [False, False, True, True]


def test_a_colour_is_told_in_words_too() -> None:
    assert value_text(COLOURINGS["shared"], 2.0) == "shared"
    assert value_text(COLOURINGS["shared"], 0.0) == "untestable"
    assert value_text(COLOURINGS["modality_score"], 0.25).endswith("0.25")
    assert value_text(COLOURINGS["firing_rate"], 0.125).endswith("12.50%")
    assert value_text(COLOURINGS["n_languages"], 14.0).endswith("14")
    assert value_text(COLOURINGS["modality_score"], float("nan")).endswith("–")
    assert paint_scores("shared", SCORES, 6).text(1) == "shared"
    assert paint_scores("testable", SCORES, 6).text(2) == f"{score_name('testable')}: not testable"


def test_every_score_is_offered_once() -> None:
    keys = colour_keys(SCORES)
    assert keys[: len(COLOURINGS)] == list(COLOURINGS)
    assert sorted(keys) == sorted({*COLOURINGS, *SCORES})
    sizes = size_keys(SCORES)
    assert sizes[0] == "energy" and "shared" not in sizes and len(set(sizes)) == len(sizes)


def test_energy_is_the_mean_of_both_modalities_on_a_scale_of_decades() -> None:
    found = sizes_of("energy", SCORES)
    assert found is not None
    energy = np.array([0.2, 5e-6, 20.0])
    expected = (np.log10(energy) - np.log10(2e-5)) / 6
    np.testing.assert_allclose(found[:3], np.clip(expected, 0, 1), rtol=1e-5)
    assert found[3] == 0
    assert sizes_of("", SCORES) is None and sizes_of("no such score", SCORES) is None


def test_sizes_of_plain_numbers_are_linear() -> None:
    found = sizes_of("n_languages", SCORES)
    assert found is not None
    np.testing.assert_allclose(found, np.array([0, 3, 6, 0]) / max(6, 1))


def test_the_usual_categories_keep_their_colours() -> None:
    np.testing.assert_array_equal(paint_scores("shared", SCORES, 6).table, CATEGORIES)
