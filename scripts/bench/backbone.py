#!/usr/bin/env python3
"""Measure the bundled backbone: retrieval, pointing, token deletion.

    python scripts/bench/backbone.py --demo mmfeat-demo --json

`--demo` is the folder of a finished `mmfeat demo`: its activations give the
retrieval, its SAE the features of the token test.

heldout_r1_mean, heldout_r10_mean, heldout_r10_worst
    Items kept from training: pictures and names find each other among the
    held-out items. Both directions, the lower one a language; items with
    identical pictures are equal hits. Mean and worst over 14 languages.
concept_r10_mean
    The same for those held-out items none of whose variants was trained on.
all_r10_worst, all_r10_mean
    All 3,944 items against all.
pointing
    On 400 collages of four concepts: the patch most similar (cosine) to the name
    of one, each language in turn, lies in its quarter. Chance 0.25.
token_deletion
    For captions of several tokens: deleting the token on which the caption's
    strongest feature is most active lowers the feature's pooled activation more
    than deleting a random other token. Chance 0.5. Ties, and captions whose
    strongest feature fires on no token, count as failures.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from mmfeat.analysis.retrieval import recall_at, unit_rows
from mmfeat.assets import path as asset
from mmfeat.backbones.base import Backbone, Inputs
from mmfeat.backbones.registry import BUNDLED, load_backbone
from mmfeat.corpus.file import open_corpus
from mmfeat.corpus.openmoji import load_emoji, render
from mmfeat.store.activations import open_activations

if TYPE_CHECKING:
    from torch import Tensor

COLLAGES, CAPTIONS, SEED = 400, 1400, 0


def retrieval(activations: Path) -> dict[str, object]:
    """R@1 and R@10 of held-out and of all items, the lower direction a language."""
    record = json.loads((asset(BUNDLED) / "training.json").read_text("utf-8"))
    with open_activations(activations) as acts:
        image, text = acts.stream("joint", "image.pooled"), acts.stream("joint", "text.pooled")
        if image.n != len(acts.item_id):
            raise SystemExit("an item has no picture: run the demo without --quick")
        held_out = set(record["held_out"])
        missing = held_out - set(acts.item_id)
        if missing:
            raise SystemExit(f"{len(missing)} held-out items are missing: run the full demo")
        out = np.array([item in held_out for item in acts.item_id])
        trained_concepts = {c for c, o in zip(acts.concept, out, strict=True) if not o}
        unseen = np.array([c not in trained_concepts for c in acts.concept]) & out
        _, key = np.unique(acts.picture, return_inverse=True)
        pictures = np.asarray(image.x, np.float32)
        names = np.asarray(text.x, np.float32)
        scores: dict[str, dict[str, float]] = {}
        for index, language in enumerate(acts.languages):
            rows = np.flatnonzero(text.language == index)
            name = names[rows[np.argsort(text.item[rows])]]

            def lower(
                query: np.ndarray, gallery: np.ndarray, k: int, name: np.ndarray = name
            ) -> float:
                return min(
                    recall_at(a[query], b[gallery], key[query], key[gallery], k)
                    for a, b in ((pictures, name), (name, pictures))
                )

            everything = np.ones(len(out), bool)
            scores[language] = {
                "heldout_r1": lower(out, out, 1),
                "heldout_r10": lower(out, out, 10),
                "concept_r10": lower(unseen, out, 10),
                "all_r10": lower(everything, everything, 10),
            }

    def over(kind: str, how: Callable[[list[float]], float]) -> float:
        return float(how([s[kind] for s in scores.values()]))

    return {
        "heldout_r1_mean": over("heldout_r1", np.mean),
        "heldout_r10_mean": over("heldout_r10", np.mean),
        "heldout_r10_worst": over("heldout_r10", min),
        "all_r10_worst": over("all_r10", min),
        "all_r10_mean": over("all_r10", np.mean),
        "concept_r10_mean": over("concept_r10", np.mean),
        "heldout_items": int(out.sum()),
        "unseen_concept_items": int(unseen.sum()),
        "by_language": scores,
    }


def joint_rows(backbone: Backbone, inputs: Inputs, stream: str) -> np.ndarray:
    """Rows of one stream in the shared space."""
    return backbone.run(inputs, {"joint": [stream]})["joint"][stream].x


def pointing() -> float:
    """Share of collages whose most similar patch lies in the quarter of the name."""
    backbone = load_backbone(BUNDLED, "cpu")
    rng = np.random.default_rng(SEED)
    items: dict[str, object] = {}
    for entry in load_emoji():  # the variant without skin tone and gender comes first
        plain = entry.skin_tone == "none" and entry.gender == "none"
        if plain or entry.concept not in items:
            items.setdefault(entry.concept, entry)
            if plain:
                items[entry.concept] = entry
    base = list(items.values())
    languages = sorted(base[0].names)
    half = backbone.info()["image_size"][0] // 2
    rows, columns = backbone.point("joint").grid
    hits = 0
    for start in range(0, COLLAGES, 100):
        pictures, names, wanted = [], [], []
        for number in range(start, start + 100):
            four = [base[i] for i in rng.choice(len(base), 4, replace=False)]
            collage = Image.new("RGB", (2 * half, 2 * half), "white")
            for place, entry in enumerate(four):
                collage.paste(render(entry.picture, half), (place % 2 * half, place // 2 * half))
            target = int(rng.integers(4))
            pictures.append(collage)
            names.append(four[target].names[languages[number % len(languages)]])
            wanted.append(target)
        patches = joint_rows(backbone, backbone.prepare_images(pictures), "image.patch")
        text = unit_rows(joint_rows(backbone, backbone.prepare_texts(names), "text.pooled"))
        patches = unit_rows(patches).reshape(100, rows * columns, -1)
        best = np.einsum("cpd,cd->cp", patches, text).argmax(1)
        quarter = (best // columns >= rows / 2) * 2 + (best % columns >= columns / 2)
        hits += int((quarter == np.array(wanted)).sum())
    return hits / COLLAGES


def token_deletion(corpus: Path, activations: Path, folder: Path) -> dict[str, float]:
    """Compare deleting the most active token with deleting a random other one."""
    import torch

    from mmfeat.sae.interop import load_sae

    backbone = load_backbone(BUNDLED, "cpu")
    trained = load_sae(folder)
    sae = trained.sae_of("text.pooled")
    rng = np.random.default_rng(SEED)
    with open_corpus(corpus) as source:
        texts, language = source.captions.text, source.captions.language
    with open_activations(activations) as acts:
        tokens = acts.stream("joint", "text.token")
        pooled = acts.stream("joint", "text.pooled")
    bounds = np.searchsorted(tokens.caption, np.arange(len(texts) + 1))
    several = np.flatnonzero(np.diff(bounds) > 1)
    chosen = np.sort(rng.choice(several, min(CAPTIONS, len(several)), replace=False))

    def pre(stream: str, x: np.ndarray, group: np.ndarray) -> Tensor:
        return sae.pre_activations(trained.standardise(stream, x, group))

    group = language[chosen].astype(int)
    x = np.asarray(pooled.x, np.float32)[chosen]
    before = pre("text.pooled", x, group)
    feature = before.argmax(1)
    shortened, fires = [], np.zeros(len(chosen), bool)
    for row, caption in enumerate(chosen):
        span = slice(bounds[caption], bounds[caption + 1])
        g = np.full(span.stop - span.start, group[row])
        code = sae.activate(pre("text.token", tokens.x[span], g))[:, feature[row]]
        top = int(code.argmax())
        fires[row] = float(code[top]) > 0
        other = int(rng.choice([i for i in range(len(g)) if i != top]))
        for which in (top, other):
            a, b = tokens.start[span][which], tokens.end[span][which]
            shortened.append(texts[caption][:a] + texts[caption][b:])
    after = []
    for start in range(0, len(shortened), 256):
        inputs = backbone.prepare_texts(shortened[start : start + 256])
        after.append(joint_rows(backbone, inputs, "text.pooled"))
    twice = np.repeat(group, 2)
    code = sae.activate(pre("text.pooled", np.concatenate(after), twice))
    value = code[torch.arange(len(code)), feature.repeat_interleave(2)].reshape(-1, 2)
    lower = (value[:, 0] < value[:, 1]).numpy()
    return {
        "token_deletion": float((lower & fires).mean()),
        "token_deletion_where_firing": float(lower[fires].mean()) if fires.any() else 0.0,
        "strongest_feature_fires_on_a_token": float(fires.mean()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--demo", type=Path, default=Path("mmfeat-demo"))
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    args = parser.parse_args()
    files = {name: args.demo / f"{name}.h5" for name in ("corpus", "activations")}
    result = {
        **retrieval(files["activations"]),
        "pointing": pointing(),
        **token_deletion(files["corpus"], files["activations"], args.demo / "sae"),
    }
    if args.json:
        print(json.dumps(result))
        return
    table = result.pop("by_language")
    for name, value in result.items():
        print(f"{name:<36}{value:.3f}" if isinstance(value, float) else f"{name:<36}{value}")
    print("language", *next(iter(table.values())))
    for language, row in table.items():
        print(f"{language:<9}", *(f"{value:.3f}" for value in row.values()))


if __name__ == "__main__":
    main()
