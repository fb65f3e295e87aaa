"""Fixtures made by the real path: a small corpus, its activations, an SAE and an atlas."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says how busy the machine is, not whether the code is right.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")


def pytest_configure(config: pytest.Config) -> None:
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


@pytest.fixture(scope="session")
def data_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("small demo")


@pytest.fixture(scope="session")
def corpus_path(data_folder: Path) -> Path:
    """A twelfth of the concepts of the bundled corpus, at most two items each."""
    from mmfeat.corpus import openmoji
    from mmfeat.corpus.file import write_corpus

    by_concept: dict[str, list] = {}
    for row in openmoji.rows():
        by_concept.setdefault(row.concept or row.item_id, []).append(row)
    rows = [row for key in sorted(by_concept)[::12] for row in islice(by_concept[key], 2)]
    path = data_folder / "corpus.h5"
    write_corpus(
        path,
        rows,
        name="openmoji",
        attribution=openmoji.ATTRIBUTION,
        image_root=None,
        provenance="{}",
    )
    return path


@pytest.fixture(scope="session")
def activations_path(corpus_path: Path) -> Path:
    from mmfeat.extraction import extract

    path = corpus_path.with_name("activations.h5")
    extract(corpus_path, path)
    return path


@pytest.fixture(scope="session")
def sae_path(activations_path: Path) -> Path:
    from mmfeat.training import recipe, train

    folder = activations_path.with_name("sae")
    settings = {"sae.d_sae": 96, "sae.k": 8, "optimiser.steps": 300, "batch.size": 256}
    train(activations_path, folder, recipe("naive-topk", settings))
    return folder


@pytest.fixture(scope="session")
def atlas_path(sae_path: Path) -> Path:
    """An atlas with a map; copy it before changing it."""
    from mmfeat.atlas.build import build_atlas
    from mmfeat.atlas.map import add_map

    path = sae_path.with_name("atlas.h5")
    build_atlas(sae_path.with_name("activations.h5"), sae_path, path)
    add_map(path)
    return path
