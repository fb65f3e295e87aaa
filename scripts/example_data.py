#!/usr/bin/env python3
"""Write a folder as researchers have them: a Crossmodal-3600-like corpus and a saved CLIP.

    python scripts/example_data.py --out my-data

    my-data/xm3600/captions.jsonl   captions in 14 languages, one line a picture
    my-data/xm3600/images/KEY.jpg   the pictures
    my-data/clip/                   a model in open_clip's local-dir layout

Pictures and names are those of OpenMoji, the model is the bundled backbone: they stand in for your
own in docs/own-data.md.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
from pathlib import Path

from mmfeat.assets import path as asset
from mmfeat.corpus.openmoji import Emoji, load_emoji, render


def one_a_concept(emoji: tuple[Emoji, ...]) -> list[Emoji]:
    """Return the first emoji of each concept, in an order that has nothing to do with meaning."""
    first: dict[str, Emoji] = {}
    for one in emoji:
        first.setdefault(one.concept, one)
    return sorted(first.values(), key=key_of)


def key_of(emoji: Emoji) -> str:
    """Return a key like those of Crossmodal-3600: 16 hexadecimal digits."""
    return hashlib.sha256(emoji.item_id.encode()).hexdigest()[:16]


def line_of(emoji: Emoji) -> dict[str, object]:
    """Return a picture's line of captions.jsonl."""
    captions = {
        tag: {"caption": [name], "caption/tokenized": [name], "caption/tokenized/lowercase": [name]}
        for tag, name in emoji.names.items()
    }
    return {"image/key": key_of(emoji), "image/locale": "en", **captions}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    parser.add_argument("--items", type=int, default=1500, help="pictures at most [1500]")
    args = parser.parse_args()
    corpus = args.out / "xm3600"
    (corpus / "images").mkdir(parents=True, exist_ok=True)
    chosen = one_a_concept(load_emoji())[: args.items]
    with (corpus / "captions.jsonl").open("w", encoding="utf-8") as file:
        for emoji in chosen:
            picture = corpus / "images" / f"{key_of(emoji)}.jpg"
            render(emoji.picture, 224).save(picture, quality=92)
            file.write(json.dumps(line_of(emoji), ensure_ascii=False) + "\n")
    shutil.copytree(asset("openmoji-clip"), args.out / "clip", dirs_exist_ok=True)
    print(f"{len(chosen)} pictures in {corpus}, a model in {args.out / 'clip'}")


if __name__ == "__main__":
    main()
