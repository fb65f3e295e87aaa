"""Small models that write text, saved as transformers saves them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mmfeat.backbones.generative import GenerativeBackbone
from tests.unit.backbones import vlm_models


@pytest.fixture(scope="module")
def vlm_folders(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    root = tmp_path_factory.mktemp("saved models")

    def folder(family: str) -> Path:
        found = root / family
        return found if found.is_dir() else vlm_models.save(family, found)

    return folder


@pytest.fixture(scope="module")
def loaded_vlm(vlm_folders: Callable[[str], Path]) -> Callable[[str], GenerativeBackbone]:
    kept: dict[str, GenerativeBackbone] = {}

    def load(family: str) -> GenerativeBackbone:
        if family not in kept:
            kept[family] = GenerativeBackbone(f"hf:{family}", str(vlm_folders(family)), "cpu")
        return kept[family]

    return load
