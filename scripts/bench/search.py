#!/usr/bin/env python3
"""Time searches of an atlas, each from the question to the list of features.

    python scripts/bench/atlas.py --features 65536 --folder FOLDER ...
    python scripts/bench/search.py FOLDER/atlas.h5

Where the backbone of the atlas is not at hand, as with one that scripts/bench/atlas.py made, the
bundled one answers, its rows repeated to the width of the SAE: the work is the same.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmfeat.atlas.encoder import Encoder
    from mmfeat.atlas.reader import Atlas
    from mmfeat.backbones.base import HookPoint, Inputs, Rows

BAR_MS = 100


class Repeated:
    """The bundled backbone, with rows of another width."""

    def __init__(self, d: int) -> None:
        from mmfeat.backbones.registry import BUNDLED, load_backbone

        self._backbone, self._d = load_backbone(BUNDLED, "cpu"), d
        self.spec = f"{BUNDLED}, repeated"

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backbone, name)

    def point(self, hook: str) -> HookPoint:
        """Return a hook point, as wide as the SAE."""
        return replace(self._backbone.point(hook), d=self._d)

    def run(self, inputs: Inputs, wanted: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
        """Run the backbone and repeat its rows."""
        import numpy as np

        def repeated(rows: Rows) -> Rows:
            times = -(-self._d // rows.x.shape[1])
            return replace(rows, x=np.tile(rows.x, (1, times))[:, : self._d].copy())

        found = self._backbone.run(inputs, wanted)
        return {h: {s: repeated(rows) for s, rows in own.items()} for h, own in found.items()}


def encoder_of(atlas: Atlas) -> Encoder:
    from mmfeat.atlas.encoder import Encoder, open_encoder
    from mmfeat.errors import MmfeatError

    try:
        return open_encoder(atlas)
    except MmfeatError:
        trained = atlas.trained_sae()
        backbone: Any = Repeated(trained.d_in)
        return Encoder(backbone, trained, atlas.hook, atlas.languages)


def searches(atlas: Atlas) -> dict[str, Callable[[], object]]:
    """Return what is timed."""
    from itertools import count

    from PIL import Image

    from mmfeat.atlas.search import Item, Search, Text

    search, tag = Search(atlas, encoder_of(atlas)), atlas.languages[0]
    picture, fire, water = (
        Image.new("RGB", (224, 224), "red"),
        Text("fire", tag),
        Text("water", tag),
    )
    items = count(len(atlas.items().item_id) // 2)
    return {
        "text": lambda: search.by_examples([fire]),
        "text_against_text": lambda: search.by_examples([fire], [water]),
        "picture": lambda: search.by_examples([picture]),
        "picture_and_text_against_text": lambda: search.by_examples([picture, fire], [water]),
        "items": lambda: search.by_examples([Item(3), Item(40)], [Item(4)]),
        "another_item_each_time": lambda: search.by_examples([Item(next(items))]),
        "feature": lambda: search.by_feature(0),
    }


def median_ms(search: Callable[[], object], repeats: int) -> float:
    search()  # the first reads what the others find in memory
    took = []
    for _ in range(repeats):
        begin = time.perf_counter()
        search()
        took.append(time.perf_counter() - begin)
    return 1e3 * statistics.median(took)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("atlas", type=Path)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    args = parser.parse_args()
    from mmfeat import open_atlas

    with open_atlas(args.atlas) as atlas:
        found = {name: median_ms(own, args.repeats) for name, own in searches(atlas).items()}
        features = atlas.d_sae
    if args.json:
        print(json.dumps({"features": features, "bar_ms": BAR_MS, "ms": found}))
        return
    for name, ms in found.items():
        print(f"{name:<32}{ms:>8.1f} ms{'' if ms <= BAR_MS else '  MISSED'}")


if __name__ == "__main__":
    main()
