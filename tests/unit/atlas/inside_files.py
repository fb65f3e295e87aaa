"""A small dual encoder's corpus, atlas and SAEs of inner hook points, by the real path."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from mmfeat.atlas.build import build_atlas
from mmfeat.corpus.file import write_corpus
from mmfeat.corpus.model import ItemRow
from mmfeat.extraction import ExtractSettings, extract
from mmfeat.training import recipe, train
from tests.unit.backbones.clip_models import save_family

VISION, TEXT = "vision.blocks.0", "text.blocks.0"
# By name of the SAE's folder: hook point and stream.
SAES = {
    "patches": (VISION, "image.patch"),
    "pictures": (VISION, "image.pooled"),
    "tokens": (TEXT, "text.token"),
    "texts": (TEXT, "text.pooled"),
}
ITEMS, K = 40, 6
KOREAN = ("빨간", "파란", "슬픈")
GERMAN = ("rot", "blau", "traurig")


def make(folder: Path, saes: Sequence[str]) -> None:
    """Write an atlas of the joint space, and SAEs of streams of two inner blocks."""
    spec = save_family(folder / "model", "clip")
    rng, rows = np.random.default_rng(0), []
    for number in range(ITEMS):
        pixels = rng.integers(0, 255, (4, 4, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((32, 32), 0).save(folder / f"{number}.png")
        captions = (
            ("de", f"ein {GERMAN[number % 3]}es Herz {number}"),
            ("ko", f"{KOREAN[number % 3]} 심장 {number}"),
        )
        split = "train" if number % 2 else "test"
        rows.append(ItemRow(f"{number}", f"{number}.png", captions, split=split))
    corpus, acts = folder / "corpus.h5", folder / "acts.h5"
    write_corpus(corpus, rows, name="c", attribution="", image_root=folder, provenance="{}")
    extract(corpus, acts, ExtractSettings(backbone=spec, hooks=("joint", VISION, TEXT)))
    small = {"sae.d_sae": 64, "sae.k": K, "batch.size": 32, "optimiser.steps": 30}
    train(acts, folder / "joint", recipe("naive-topk", small))
    build_atlas(acts, folder / "joint", folder / "atlas.h5")
    for name in saes:
        hook, stream = SAES[name]
        own = {"hook": hook, "streams": [stream]}
        train(acts, folder / name, recipe("naive-topk", small | own))
