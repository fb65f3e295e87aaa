"""From a model that writes text to heat maps: pictures of several sizes have several grids."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from mmfeat.atlas.build import build_atlas
from mmfeat.atlas.reader import Atlas
from mmfeat.backbones.registry import load_backbone
from mmfeat.corpus.file import open_corpus, write_corpus
from mmfeat.corpus.model import ItemRow
from mmfeat.extraction import ExtractSettings, extract
from mmfeat.sae.interop import load_sae
from mmfeat.store.activations import open_activations
from mmfeat.training import recipe, train
from tests.unit.backbones import vlm_models

HOOK = "lm.layers.1"
SIZES = [(112, 112), (168, 112), (112, 224)]


def test_a_heat_map_has_the_grid_of_its_picture(tmp_path: Path) -> None:
    spec = f"hf:{vlm_models.save('qwen2_vl', tmp_path / 'model')}"
    rng = np.random.default_rng(0)
    rows = []
    for number in range(48):
        wide, high = SIZES[number % 3]
        pixels = rng.integers(0, 255, (high // 28, wide // 28, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((wide, high), 0).save(tmp_path / f"{number}.png")
        split = "train" if number % 2 else "test"
        captions = (("en", f"text {number}"), ("ko", f"글 {number}"))
        rows.append(ItemRow(f"{number}", f"{number}.png", captions, split=split))
    corpus = tmp_path / "corpus.h5"
    write_corpus(
        corpus, rows, name="c", attribution="", image_root=tmp_path, provenance="{}"
    )  # fmt: skip
    acts, folder, atlas = tmp_path / "acts.h5", tmp_path / "sae", tmp_path / "atlas.h5"
    extract(corpus, acts, ExtractSettings(backbone=spec, hooks=(HOOK,), batch_size=8))
    changes = {"hook": HOOK, "sae.d_sae": 32, "sae.k": 4, "batch.size": 32, "optimiser.steps": 40}
    train(acts, folder, recipe("naive-topk", changes))
    build_atlas(acts, folder, atlas)

    backbone = load_backbone(spec, "cpu")
    trained = load_sae(folder)
    with open_corpus(corpus) as source, open_activations(acts) as rows_of, Atlas(atlas) as shown:
        stream = rows_of.stream(HOOK, "image.patch")
        assert stream.grid is None
        grids = set()
        for item in range(6):
            inputs = backbone.prepare_images([source.image(item)])
            (grid,) = backbone.grids(HOOK, inputs)
            grids.add(grid)
            assert stream.grid_of(item) == grid
            own = np.flatnonzero(stream.item == item)
            x = stream.standardised(stream.x[own], stream.group[own])
            values, latents = trained.sae_of("image.patch").encode(torch_of(x))
            feature = int(latents[0, 0])
            expected = np.where(latents == feature, values, 0).sum(1).reshape(grid)
            found = shown.patch_map(feature, item)
            assert found is not None and found.shape == grid
            np.testing.assert_allclose(found, expected, rtol=2e-3, atol=1e-3)
        assert len(grids) == 3


def torch_of(x: np.ndarray):
    import torch

    return torch.from_numpy(x)
