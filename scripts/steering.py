"""Measure how often clamping a shared feature moves captions towards what it fires on.

For features of an atlas of the joint space: test pictures on which a feature is silent are given
five times its largest activation on train pictures. Its concept is the captions of the (at most
five) test units whose pictures it fires on most; captions decide neither the concept nor the size
of the clamp. It moves them when, in at least 0.7 of the languages (10 of 14), they rise in the
gallery of all test captions of the language by more than under 95 % of control features: features
that fire on pictures as often, clamped alike, judged on the same captions. `same size` compares
with controls that move a picture as far. Features that are not shared are measured beside.

    python scripts/steering.py mmfeat-demo/atlas.h5 --json
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np


def measure(
    path: Path, activations: Path, multiple: float, count: int, controls: int, seed: int
) -> dict[str, Any]:
    from mmfeat.analysis.interventions.clamping import Pictures, clamped
    from mmfeat.analysis.interventions.retrieval import Gallery
    from mmfeat.analysis.units import unit_of_items
    from mmfeat.atlas.reader import Atlas
    from mmfeat.errors import MmfeatError
    from mmfeat.progress import RichProgress
    from mmfeat.store.activations import open_activations

    with Atlas(path) as atlas, open_activations(activations) as acts:
        if atlas.hook != "joint" or acts.item_id != atlas.items().item_id:
            raise MmfeatError(
                f"{path} is no atlas of joint rows of {activations}; give both of one model."
            )
        image, text = acts.stream("joint", "image.pooled"), acts.stream("joint", "text.pooled")
        trained, known = atlas.trained_sae(), atlas.features()
        codes = atlas.codes_of_rows("image.pooled", 0, image.n)
        clamp = multiple * codes[acts.is_train[image.item]].max(axis=0).toarray().ravel()
        unit = unit_of_items(acts)
        rows = np.flatnonzero(unit[image.item] >= 0)
        # Captions are known by the row of their unit's picture among those of test units.
        place = np.full(len(unit), -1)
        place[image.item[rows]] = np.arange(len(rows))
        pictures = Pictures(
            np.asarray(image.x[rows], np.float32),
            codes[rows],
            trained.sae_of("image.pooled").W_dec.numpy(),
            float(trained.streams["image.pooled"].scale[0]),
        )
        galleries = []
        for language in range(len(acts.languages)):
            own = np.flatnonzero((text.language == language) & (place[text.item] >= 0))
            galleries.append(Gallery.of(np.asarray(text.x[own]), place[text.item[own]]))
        rng = np.random.default_rng(seed)
        shared = np.asarray(known["shared"], bool)
        rate = known["firing_rate_image"]
        result: dict[str, Any] = {"atlas": str(path), "multiple": multiple, "controls": controls}
        for name, fits, same_size in (
            ("shared", shared, False),
            ("shared, same size", shared, True),
            ("not shared", ~shared & (rate > 0), False),
        ):
            features = rng.permutation(np.flatnonzero(fits))
            features = np.sort(features[: count or len(features)])
            found = []
            with RichProgress().stage(name, len(features)) as advance:
                for feature in features.tolist():
                    one = clamped(
                        pictures, galleries, feature, clamp, rate, controls, seed, same_size
                    )
                    found += [one] if one is not None else []
                    advance(1)
            exceeds = np.array([one.exceeds for one in found]).reshape(-1, len(acts.languages))
            change = [[e.value if e else np.nan for e in one.effects] for one in found]
            result[name] = {
                "tried": len(features),
                "measured": len(found),
                # What cannot be clamped moves nothing.
                "share": sum(one.moves for one in found) / max(1, len(features)),
                "by_language": dict(
                    zip(acts.languages, exceeds.sum(0) / max(1, len(features)), strict=True)
                ),
                "median_change": float(np.nanmedian(change)) if found else None,
            }
        result["bar"], result["passes"] = 0.5, result["shared"]["share"] >= 0.5
        return result


def main() -> int:
    from mmfeat.errors import MmfeatError

    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("atlas", type=Path)
    parser.add_argument("--activations", type=Path, help="default: activations.h5 beside the atlas")
    parser.add_argument("--clamp", type=float, default=5, help="multiple of the maximum")
    parser.add_argument("--features", type=int, default=100, help="features tried; 0: all")
    parser.add_argument("--controls", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    activations = given.activations or given.atlas.with_name("activations.h5")
    try:
        result = measure(
            given.atlas, activations, given.clamp, given.features, given.controls, given.seed
        )
    except MmfeatError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    if given.json:
        print(json.dumps(result, ensure_ascii=False))
        return 0
    for name, value in result.items():
        print(f"{name}: {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
