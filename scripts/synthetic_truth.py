#!/usr/bin/env python3
"""Train an SAE on activations of a known dictionary and say how much of it is found.

    python scripts/synthetic_truth.py
    python scripts/synthetic_truth.py --quick --json

Atoms are shared by pictures and captions, or belong to pictures, to captions, or to
captions in one language (mmfeat/sae/synthetic.py). The SAE is trained by the same code as
any other, its features are matched with the atoms one to one (Hungarian, signed cosine),
and the project's own analysis decides from held-out items what kind of feature each is.

The null: worlds in which nothing is shared, each with a training and a scoring of its own.
A discovery is a world with any feature that is called shared.
    unpaired  atoms fire on both sides, but the captions of an item belong to another
    private   no atom fires on both sides, and atoms come independently: a topic that
              pictures and captions have in common would be something shared

Prints a table (Markdown), or one JSON object; ends with status 1 if a bar is missed.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mmfeat.progress import RichProgress
from mmfeat.sae.settings import TrainSettings

if TYPE_CHECKING:
    from mmfeat.sae.synthetic import Synthetic, SyntheticSettings

MIN_QUALIFYING, MIN_COSINE, MIN_F1, MAX_RATE = 0.8, 0.95, 0.95, 0.05

# Settings of worlds.
FULL: dict[str, Any] = {"d_in": 256, "atoms": 1024, "languages": 5, "active": 8.0, "noise": 0.2}
QUICK: dict[str, Any] = {"d_in": 48, "atoms": 80, "languages": 3, "active": 3.0}
NULL: dict[str, Any] = {"d_in": 24, "atoms": 32, "active": 2.0}
# In one language the test of sharing has its full level, without a partial conjunction.
UNPAIRED = {**NULL, "shared": 1.0, "image_only": 0.0, "text_only": 0.0, "paired": False}
PRIVATE = {**NULL, "shared": 0.0, "image_only": 0.5, "correlation": 0.0}
NULLS = {
    "unpaired, 1 language": {**UNPAIRED, "languages": 1},
    "unpaired, 4 languages": UNPAIRED,
    "private, 1 language": {**PRIVATE, "text_only": 0.5, "languages": 1},
    "private, 4 languages": {**PRIVATE, "text_only": 0.25},
}


def plan(d_sae: int, k: int, steps: int, lr: float) -> TrainSettings:
    return TrainSettings.model_validate(
        {
            "sae": {"d_sae": d_sae, "k": k},
            # Rare atoms are found by latents that died early: call them back soon.
            "optimiser": {"steps": steps, "lr": lr, "aux_weight": 0.1, "dead_after": 20},
        }
    )


def measure_recovery(
    world: Synthetic, settings: TrainSettings, items: int
) -> dict[str, float | int | dict[str, float]]:
    from mmfeat.analysis.truth import recovery
    from mmfeat.sae.synthetic import KINDS
    from mmfeat.sae.trainer import train_sae

    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        saes = train_sae(
            world, world.settings.d_in, settings, Path(folder), progress=RichProgress()
        )
    pairs = world.pairs * settings.optimiser.steps
    found = recovery(saes["image"], world, pairs, world.rows(items, 0))
    by_kind = {
        name: float(found.cosine[found.qualifying & (found.truth == kind)].mean())
        for kind, name in enumerate(KINDS)
    }
    return {
        "pairs": pairs,
        "held_out_items": items,
        "qualifying": float(found.qualifying.mean()),
        "fewest_expected": float(world.expected(pairs).min()),
        "mean_cosine": found.mean_cosine,
        "cosine": by_kind,
        "found_at_0.9": float((found.cosine[found.qualifying] >= 0.9).mean()),
        "f1": dict(zip(KINDS, found.f1.tolist(), strict=True)),
        "macro_f1": float(np.nanmean(found.f1)),
        "seconds": time.perf_counter() - started,
    }


def measure_null(name: str, settings: SyntheticSettings, seeds: int) -> dict[str, float | int]:
    from mmfeat.analysis.truth import encode_rows, feature_kinds
    from mmfeat.sae.synthetic import SHARED, Synthetic
    from mmfeat.sae.trainer import train_sae

    started = time.perf_counter()
    worlds_with_any = features = 0
    with RichProgress().stage(name, seeds) as advance:
        for seed in range(seeds):
            world = Synthetic(replace(settings, seed=seed), pairs=128)
            with tempfile.TemporaryDirectory() as folder:
                saes = train_sae(world, settings.d_in, plan(40, 3, 150, 1e-2), Path(folder))
            kinds = feature_kinds(*encode_rows(saes["image"], world.rows(1000, 0)))
            found = int((kinds == SHARED).sum())
            worlds_with_any += found > 0
            features += found
            advance(1)
    return {
        "seeds": seeds,
        "discoveries": worlds_with_any,
        "rate": worlds_with_any / seeds,
        "features": features,
        "most_allowed": MAX_RATE + 2 * math.sqrt(MAX_RATE * (1 - MAX_RATE) / seeds),
        "seconds": time.perf_counter() - started,
    }


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a small world and 20 null seeds")
    parser.add_argument("--seed", type=int, default=0, help="of the world and its training")
    parser.add_argument("--null-seeds", type=int, help="worlds of each null (200; quick: 20)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    args = parser.parse_args()

    # Not before: --help needs no torch.
    from mmfeat.analysis.truth import MIN_EXPECTED
    from mmfeat.sae.synthetic import Synthetic, SyntheticSettings

    if args.quick:
        settings, pairs, training, items = QUICK, 256, plan(96, 5, 1500, 1e-2), 2000
    else:
        settings, pairs, training, items = FULL, 512, plan(1152, 10, 3000, 7e-3), 4000
    training.seed = args.seed
    world = Synthetic(SyntheticSettings(**settings, seed=args.seed), pairs)
    recovered = measure_recovery(world, training, items)
    seeds = args.null_seeds or (20 if args.quick else 200)
    nulls = {
        name: measure_null(name, SyntheticSettings(**null), seeds) for name, null in NULLS.items()
    }

    rows = [
        (
            f"atoms with {MIN_EXPECTED} expected activations or more",
            recovered["qualifying"],
            f">= {MIN_QUALIFYING}",
            recovered["qualifying"] >= MIN_QUALIFYING,
        ),
        (
            "their mean cosine",
            recovered["mean_cosine"],
            f">= {MIN_COSINE}",
            recovered["mean_cosine"] >= MIN_COSINE,
        ),
        *(
            (f"F1, {kind}", value, f">= {MIN_F1}", value >= MIN_F1)
            for kind, value in recovered["f1"].items()
        ),
        (
            "F1, mean of the kinds",
            recovered["macro_f1"],
            f">= {MIN_F1}",
            recovered["macro_f1"] >= MIN_F1,
        ),
        *(
            (
                f"discoveries, {name} ({null['seeds']} seeds)",
                null["rate"],
                f"<= {null['most_allowed']:.3f}",
                null["rate"] <= null["most_allowed"],
            )
            for name, null in nulls.items()
        ),
    ]
    if args.json:
        result = {
            "world": asdict(world.settings),
            "training": training.model_dump(mode="json"),
            "recovery": recovered,
            "null": nulls,
            "met": all(bool(met) for *_, met in rows),
        }
        print(json.dumps(result))
    else:
        print("| measured | value | bar | met |\n| --- | --- | --- | --- |")
        for name, value, bar, met in rows:
            print(f"| {name} | {value:.3f} | {bar} | {'yes' if met else 'no'} |")
    return 0 if all(met for *_, met in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
