from __future__ import annotations

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

from mmfeat.atlas.reader import Atlas
from mmfeat.errors import MmfeatError
from mmfeat.figures import choice

LANGUAGES = ["ar", "de", "en", "fa", "fr", "ja", "ko", "ru", "zh"]


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (1, ["en"]),
        (3, ["ar", "en", "ja"]),
        (6, ["ar", "en", "ja", "ko", "ru", "zh"]),
        (7, ["ar", "de", "en", "ja", "ko", "ru", "zh"]),
        (50, LANGUAGES),
    ],
)
def test_languages_are_of_as_many_scripts_as_there_are(count: int, expected: list[str]) -> None:
    assert choice.languages_over_scripts(LANGUAGES, count) == expected
    assert choice.languages_over_scripts([], count) == []


def test_languages_asked_for_come_before_those_chosen(atlas_path: Path) -> None:
    with Atlas(atlas_path) as atlas:
        assert choice.languages(atlas, ["ko", "en", "ko"], 1, 1) == ["ko", "en"]
        assert choice.languages(atlas, [], 99, 2) == list(atlas.languages)
        assert len(choice.languages(atlas, [], 3, 2)) == 2
        with pytest.raises(MmfeatError, match=r"has no captions in sw; give some of ar, "):
            choice.languages(atlas, ["sw"], 1, 1)


def test_features_are_shared_of_large_effect_and_not_alike(
    atlas_path: Path, tmp_path: Path
) -> None:
    path = tmp_path / "made.h5"
    shutil.copy(atlas_path, path)
    with h5py.File(path, "r+") as file:
        pictures = np.flatnonzero(file["examples/image.pooled/top"][:, 0] >= 0)
        a, b, c, d = pictures[:4].tolist()
        file["features/shared"][:] = False
        file["features/shared"][[a, b, c, d]] = True
        for feature, effect in ((a, 0.5), (b, 0.9), (c, 0.7), (d, 0.2)):
            file["features/shared_effect"][feature] = effect
            file["names/text"][feature, 0] = f"name {feature}"
            file["neighbours/index"][feature] = -1
        file["neighbours/index"][b, 0] = c  # c is like b
    with Atlas(path) as atlas:
        assert choice.shared_features(atlas, 10) == [b, a, d]
        assert choice.shared_features(atlas, 1) == [b]
    with h5py.File(path, "r+") as file:
        file["names/text"][a] = ""
        file["examples/image.pooled/top"][d] = -1
    with Atlas(path) as atlas:
        assert choice.shared_features(atlas, 10) == [b]
