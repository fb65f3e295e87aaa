from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmfeat.atlas.reader import Atlas
from mmfeat_gui.state.comparison import axis, headline, histogram, share_text, titles
from mmfeat_gui.state.summary import Summary, summarise


def _scores(
    modality: Sequence[float], category: Sequence[int], silent: Sequence[int] = ()
) -> dict[str, np.ndarray]:
    rate = np.ones(len(modality), np.float32)
    rate[list(silent)] = 0
    kinds = np.array(category)
    return {
        "modality_score": np.array(modality, np.float64),
        "firing_rate_image": rate,
        "firing_rate_text": np.where(rate > 0, np.float32(0.5), np.float32(np.nan)),
        "testable": kinds >= 1,
        "shared": kinds == 2,
    }


def test_features_of_one_modality_are_those_outside_of_5_to_95_per_cent() -> None:
    modality = [0, 0.0499, 0.05, 0.5, 0.95, 0.9501, 1, np.nan]
    found = headline(_scores(modality, [0, 1, 2, 2, 1, 0, 0, 0], silent=[7]))
    assert (found.features, found.alive) == (8, 7)
    assert (found.text_only, found.bimodal, found.image_only) == (2, 3, 2)
    assert (found.testable, found.shared) == (4, 2)
    assert found.share(found.shared) == pytest.approx(2 / 7)


def test_the_histogram_counts_every_alive_feature_once() -> None:
    generator = np.random.default_rng(0)
    modality = np.concatenate([generator.random(300), [0, 0.05, 0.1, 0.95, 1]])
    category = generator.integers(0, 3, len(modality))
    silent = generator.choice(300, 40, replace=False)
    scores = _scores(modality, category, silent)
    expected = np.zeros((20, 3), int)
    for feature, (value, kind) in enumerate(zip(modality, category, strict=True)):
        if feature not in silent:
            place = next(b for b in range(20) if b == 19 or value < (b + 1) / 20)
            expected[18 if value == 0.95 else place, kind] += 1
    found = histogram(scores)
    assert (found == expected).all()
    counts = headline(scores)
    sums = found.sum(axis=1)
    assert (sums[0], sums[-1], sums.sum()) == (counts.text_only, counts.image_only, counts.alive)


def test_nothing_alive_is_no_division_by_zero() -> None:
    scores = _scores([np.nan, np.nan], [0, 0], silent=[0, 1])
    found = headline(scores)
    assert (found.alive, found.bimodal, found.share(found.shared)) == (0, 0, 0.0)
    assert histogram(scores).sum() == 0


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0, "0%"),
        (0.0042, "0.4%"),
        (0.0816, "8.2%"),
        (0.0996, "10%"),
        (0.191, "19%"),
        (0.994, "99%"),
        (0.998, "99.8%"),
        (1, "100%"),
    ],
)
def test_shares_near_none_and_all_are_finer(share: float, text: str) -> None:
    assert share_text(share) == text


@pytest.mark.parametrize("highest", [0.0, 0.004, 0.05, 0.07, 0.187, 0.296, 0.41, 0.6, 0.61, 1.0])
def test_an_axis_holds_the_highest_in_a_few_whole_steps(highest: float) -> None:
    top, step = axis(highest)
    assert top >= highest
    assert 1 <= round(top / step) <= 4
    assert top / step == pytest.approx(round(top / step))
    assert top <= max(2 * highest, 0.005)


def _named(summary: Summary, name: str, path: str) -> Summary:
    return replace(summary, name=name, path=Path(path))


def test_atlases_of_one_name_are_called_by_what_tells_their_paths_apart(atlas_path: Path) -> None:
    with Atlas(atlas_path) as atlas:
        summary = summarise(atlas)
    for one, other, expected in (
        (("a", "/x/1.h5"), ("b", "/y/1.h5"), ("a", "b")),
        (("a", "/x/1.h5"), ("a", "/x/2.h5"), ("1.h5", "2.h5")),
        (("a", "/x/k/1.h5"), ("a", "/y/k/1.h5"), ("x/k/1.h5", "y/k/1.h5")),
    ):
        assert titles(_named(summary, *one), _named(summary, *other)) == expected


def test_the_summary_says_what_the_sae_is(atlas_path: Path, truth: Any) -> None:
    with Atlas(atlas_path) as atlas:
        summary = summarise(atlas)
    assert summary.sae.split(" · ")[0] == truth.sae["architecture"]
    assert f"k {truth.sae['k']}" in summary.sae.split(" · ")
    assert "encoding" not in summary.sae
