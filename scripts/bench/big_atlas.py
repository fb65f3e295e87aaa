"""Write a synthetic atlas of any size: as many features and items as a disk can hold.

    python scripts/bench/big_atlas.py --out big.h5
    python scripts/bench/big_atlas.py --out tiny.h5 --features 256 --items 512

It is an atlas like any other (`mmfeat validate` passes), with something in every part of it:
OpenMoji pictures in several tints, captions from templates, codes of all four streams by
arithmetic, and scores that agree with the codes where these tell them. The default is some 20 GB.
It is the same file on every machine.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from big_codes import SLOTS, TOKENS, Plan, layouts, make_plan, mix, write_stream
from big_scores import (
    Scores,
    count_and_choose,
    write_bridge,
    write_decoder,
    write_features,
    write_geometry,
    write_languages,
    write_positions,
    write_scores,
)
from PIL import Image

from mmfeat import hdf5
from mmfeat.analysis.examples import BANDS
from mmfeat.analysis.firing import MIN_FIRINGS
from mmfeat.analysis.naming.combine import METHODS
from mmfeat.atlas.layout import KIND
from mmfeat.atlas.names import MEASURES as NAMED
from mmfeat.corpus.openmoji import ATTRIBUTION, LANGUAGES, Emoji, load_emoji, render

D_IN = 192  # of the backbone that comes with mmfeat, so that probes can be tried
PICTURES, SIZE = 256, 96  # emoji, each in the tints below
TINTS = ((255, 255, 255), (255, 236, 214), (220, 236, 255), (226, 250, 222))
VARIANTS = 8  # items of a concept
SLICE = 1 << 15  # items written at a time
TEMPLATES = {
    "ar": ("{}", "رسم: {}", "{} على خلفية بيضاء"),
    "de": ("{}", "eine Zeichnung: {}", "{} auf weißem Grund"),
    "en": ("{}", "a drawing of {}", "{} on a white ground"),
    "es": ("{}", "un dibujo: {}", "{} sobre fondo blanco"),
    "fa": ("{}", "نقاشی: {}", "{} روی زمینه سفید"),
    "fr": ("{}", "un dessin : {}", "{} sur fond blanc"),
    "id": ("{}", "sebuah gambar: {}", "{} di atas latar putih"),
    "it": ("{}", "un disegno: {}", "{} su sfondo bianco"),
    "ja": ("{}", "{}の絵", "白い背景の{}"),
    "ko": ("{}", "{} 그림", "흰 바탕의 {}"),
    "pt": ("{}", "um desenho: {}", "{} sobre fundo branco"),
    "ru": ("{}", "рисунок: {}", "{} на белом фоне"),
    "tr": ("{}", "bir çizim: {}", "beyaz zemin üzerinde {}"),
    "zh": ("{}", "{}的图画", "白色背景上的{}"),
}


@dataclass(frozen=True)
class Content:
    """What the items show: emoji in the order of the items, and which is whose."""

    emoji: list[Emoji]
    items: int

    def of(self, items: np.ndarray) -> np.ndarray:
        """Return the number of the emoji of each item: neighbours show the same."""
        return items * len(self.emoji) // self.items

    def tint(self, items: np.ndarray) -> np.ndarray:
        """Return the number of the tint of each item's picture."""
        return items % len(TINTS)


def choose(items: int) -> Content:
    """Return emoji of different concepts, group by group."""
    first: dict[str, Emoji] = {}
    for one in load_emoji():
        first.setdefault(one.concept, one)
    ordered = sorted(first.values(), key=lambda one: (one.group, one.subgroup, one.item_id))
    count = min(PICTURES, max(1, items // VARIANTS))
    return Content([ordered[at * len(ordered) // count] for at in range(count)], items)


def write_atlas(
    out: Path, features: int, items: int, languages: tuple[str, ...], *, say: bool = False
) -> None:
    """Write the atlas.

    Parameters
    ----------
    out : Path
        The file; it appears when it is whole.
    features : int
        16 or more.
    items : int
        64 or more.
    languages : tuple of str
        Some of OpenMoji's.
    say : bool
        Whether to tell how far it is, on standard error.

    Raises
    ------
    ValueError
        If there are too few features or items.
    """
    if features < 4 * SLOTS or items < 64 or not languages:
        raise ValueError(f"give {4 * SLOTS} features, 64 items and a language, or more.")
    plan, content = make_plan(features, items, languages), choose(items)
    settings = {"features": features, "items": items, "languages": list(languages)}
    provenance = json.dumps({"command": "big_atlas", "settings": settings, "inputs": {}})
    started = time.perf_counter()

    def tell(what: str) -> None:
        if say:
            print(f"{time.perf_counter() - started:6.0f} s  {what}", file=sys.stderr, flush=True)

    with hdf5.create(out, KIND, provenance) as file:
        file.attrs["name"], file.attrs["attribution"] = "synthetic", ATTRIBUTION
        file.attrs["backbone"], file.attrs["hook"] = "openmoji-clip", "joint"
        file.attrs["d_in"], file.attrs["d_sae"] = D_IN, features
        tell("items and pictures")
        write_items(file, content)
        tell("captions")
        lengths = write_captions(file, content, languages)
        tell("examples")
        examples = hdf5.encode_group(file.create_group("examples"), "examples")
        codes = hdf5.encode_group(file.create_group("codes"), "codes")
        image, patch, text, token = layouts()
        counts = [count_and_choose(examples, plan, layout) for layout in (image, text)]
        for layout in (image, patch, text, token):
            tell(f"codes of {layout.name}")
            fires = counts[layout.texts].fires.sum(1)
            write_stream(codes, plan, layout, fires)
        write_ends(codes["text.token/rows"], lengths)
        scores = Scores(plan, counts[0], counts[1], np.random.default_rng(1))
        tell("scores of features")
        write_features(file, scores)
        write_names(file, scores, [[one.names[tag] for one in content.emoji] for tag in languages])
        write_languages(file, scores)
        write_bridge(file, scores)
        write_concepts(file, scores, content)
        write_decoder(file, scores, D_IN)
        write_item_map(file, content)
        write_geometry(file, scores, D_IN)
        write_positions(file, scores)
        write_scores(file, scores)
        tell("the digest of it all")
    tell(f"{out.stat().st_size / 1e9:.1f} GB")


def write_items(file: h5py.File, content: Content) -> None:
    """Write ``/items`` and ``/thumbnails``."""
    pictures = [png(one, tint) for one in content.emoji for tint in TINTS]
    hashes = [hashlib.sha256(data).hexdigest() for data in pictures]
    group = hdf5.encode_group(file.create_group("items"), "items")
    attributes = hdf5.encode_group(group.create_group("attributes"), "attributes")
    shape, text = (content.items,), h5py.string_dtype()
    columns = {
        name: group.create_dataset(name, shape, text)
        for name in ("item_id", "concept", "split", "picture")
    }
    for name in ("emoji", "group", "subgroup"):
        columns[name] = attributes.create_dataset(name, shape, text)
    node = hdf5.encode_group(file.create_group("thumbnails"), "thumbnails")
    thumbnails = node.create_dataset("image", shape, h5py.vlen_dtype(np.uint8))
    every = _objects([np.frombuffer(data, np.uint8) for data in pictures])
    for start in range(0, content.items, SLICE):
        items = np.arange(start, min(start + SLICE, content.items))
        of, part = content.of(items), slice(start, start + len(items))
        picture = of * len(TINTS) + content.tint(items)
        test = mix(items // VARIANTS, 5) % np.uint32(5) == 0
        emoji = [content.emoji[at] for at in of.tolist()]
        texts = {
            "item_id": [f"item-{item:07d}" for item in items.tolist()],
            "concept": [
                f"{one.concept}/{item // VARIANTS}"
                for one, item in zip(emoji, items.tolist(), strict=True)
            ],
            "split": ["test" if own else "train" for own in test.tolist()],
            "picture": [hashes[at] for at in picture.tolist()],
            "emoji": [one.text for one in emoji],
            "group": [one.group for one in emoji],
            "subgroup": [one.subgroup for one in emoji],
        }
        for name, values in texts.items():
            columns[name][part] = _objects(values)
        _write_ragged(thumbnails, start, every[picture])


def png(emoji: Emoji, tint: tuple[int, int, int]) -> bytes:
    """Return the picture of an emoji on a ground of a colour, with the grain of a photograph."""
    pixels = np.asarray(render(emoji.picture, SIZE)).astype(np.uint16)
    grain = mix(np.arange(SIZE * SIZE), tint[2]).reshape(SIZE, SIZE, 1) % np.uint32(6)
    tinted = (pixels * np.array(tint, np.uint16) // 255).astype(np.uint8)
    tinted -= np.minimum(tinted, grain.astype(np.uint8))
    target = io.BytesIO()
    Image.fromarray(tinted).save(target, "PNG")
    return target.getvalue()


def _objects(values: list[object] | list[str] | list[np.ndarray]) -> np.ndarray:
    found = np.empty(len(values), object)
    found[:] = values
    return found


def _write_ragged(dataset: h5py.Dataset, start: int, rows: np.ndarray) -> None:
    """Write rows of bytes at once; by h5py's own way each would be a call."""
    space = dataset.id.get_space()
    space.select_hyperslab((start,), (len(rows),))
    kind = h5py.h5t.py_create(dataset.dtype)
    dataset.id.write(h5py.h5s.create_simple((len(rows),)), space, rows, kind)


def write_captions(file: h5py.File, content: Content, languages: tuple[str, ...]) -> np.ndarray:
    """Write ``/captions`` and ``/languages``; return the length of each caption."""
    count = len(languages)
    table = _objects(
        [
            template.format(one.names[tag])
            for one in content.emoji
            for tag in languages
            for template in TEMPLATES[tag]
        ]
    )
    templates = len(TEMPLATES["en"])
    length_of = np.array([len(text) for text in table], np.int16)
    hdf5.write_strings(file, "languages", list(languages))
    group = hdf5.encode_group(file.create_group("captions"), "captions")
    shape = (content.items * count,)
    columns = {
        "item": group.create_dataset("item", shape, np.int32),
        "language": group.create_dataset("language", shape, np.int16),
        "text": group.create_dataset("text", shape, h5py.string_dtype()),
    }
    lengths = np.empty(shape, np.int16)
    for start in range(0, shape[0], SLICE):
        caption = np.arange(start, min(start + SLICE, shape[0]))
        item, language = np.divmod(caption, count)
        template = mix(item, 6) % np.uint32(templates)
        own = (content.of(item) * count + language) * templates + template
        part = slice(start, start + len(caption))
        columns["item"][part], columns["language"][part] = item, language
        columns["text"][part] = table[own]
        lengths[part] = length_of[own]
    return lengths


def write_ends(rows: h5py.Group, lengths: np.ndarray) -> None:
    """Write where tokens begin and end: they cut each caption evenly."""
    start = rows.create_dataset("start", (len(lengths) * TOKENS,), np.int32)
    end = rows.create_dataset("end", (len(lengths) * TOKENS,), np.int32)
    for first in range(0, len(lengths), SLICE * 16):
        own = lengths[first : first + SLICE * 16].astype(np.int32)
        cuts = own[:, None] * np.arange(TOKENS + 1) // TOKENS
        part = slice(first * TOKENS, (first + len(own)) * TOKENS)
        start[part], end[part] = cuts[:, :-1].ravel(), cuts[:, 1:].ravel()


def write_names(file: h5py.File, scores: Scores, words: list[list[str]]) -> None:
    """Write ``/names``: of a feature, after the pictures in the middle of its stretch.

    Parameters
    ----------
    file : h5py.File
    scores : Scores
    words : list of list of str
        Names of the pictures, by language.
    """
    plan, f, count = scores.plan, scores.plan.features, len(words[0])
    shape = f, len(plan.languages)
    middle = np.zeros(f, np.int64)
    for slot in range(SLOTS):
        own = np.arange(plan.first[slot], plan.first[slot + 1])
        middle[own] = (2 * (own - own[0]) + 1) * count // (2 * len(own))
    named = (scores.text.fires >= MIN_FIRINGS) & (scores.uniform(0, 1, *shape) < 0.9)
    best = [
        [own[at] if has else "" for own, has in zip(words, row, strict=True)]
        for at, row in zip(middle.tolist(), named.tolist(), strict=True)
    ]
    group = hdf5.encode_group(file.create_group("names"), "names")
    hdf5.write_strings(group, "text", best, shape)
    index = (middle[:, None, None] + np.arange(3)) % count + (
        np.arange(len(words))[:, None] * count
    )
    score = -np.sort(-scores.uniform(0.3, 1, *index.shape), -1)
    missing = ~named[..., None]
    group["score"] = np.where(named, score[..., 0], np.nan)
    node = hdf5.encode_group(group.create_group("candidates"), "name-candidates")
    hdf5.write_strings(node, "text", [word for own in words for word in own])
    node["index"] = np.where(missing, -1, index).astype(np.int32)
    node["score"] = np.where(missing, np.nan, score).astype(np.float32)
    for name in ("auroc", *METHODS):
        node[name] = np.where(missing, np.nan, scores.uniform(0.7, 1, *index.shape))
    node = hdf5.encode_group(group.create_group("evaluation"), "name-evaluation")
    for name in NAMED:
        node[name] = np.where(named, scores.uniform(0.4, 1, *shape), np.nan)
    number = int(named.any(1).sum())
    facts = {
        **{name: 0.8 for name in NAMED},
        **{f"{name}_{end}": number for name in NAMED[:2] for end in ("good", "features")},
        "features": f,
        "named": number,
    }
    methods = dict.fromkeys(METHODS, 0.85)
    mean = {**facts, **{f"auroc_{name}": value for name, value in methods.items()}}
    every = {tag: {**facts, "methods": methods} for tag in plan.languages}
    group.attrs["json"] = json.dumps({"languages": every, "mean": mean})
    _write_explanations(group, words[0], middle)


def _write_explanations(names: h5py.Group, words: list[str], middle: np.ndarray) -> None:
    """Write what an explainer said of every hundredth feature."""
    features = np.arange(0, len(middle), 100, dtype=np.int32)
    node = hdf5.encode_group(names.create_group("explanations"), "explanations")
    node["feature"] = features
    hdf5.write_strings(node, "name", [words[at] for at in middle[features].tolist()])
    node["confidence"] = np.full(len(features), 0.7, np.float32)
    node["rubric"] = np.tile(np.array([3, 2, 1, 1], np.float32), (len(features), 1))
    hdf5.write_strings(node, "model", ["synthetic"] * len(features))


def write_item_map(file: h5py.File, content: Content) -> None:
    """Write ``/maps/items``: items of one picture near each other; nowhere if no feature fires."""
    rng, count = np.random.default_rng(2), len(content.emoji)
    side = int(np.ceil(np.sqrt(count)))
    centre = np.stack([np.arange(count) % side, np.arange(count) // side], 1) * 3.0
    centre += rng.uniform(-1, 1, centre.shape)
    spread = rng.uniform(0.2, 0.9, (count, 1)).astype(np.float32)
    own = content.of(np.arange(content.items))
    places = spread[own] * rng.standard_normal((content.items, 2), np.float32)
    places += centre.astype(np.float32)[own]
    places[np.diff(file["codes/image.pooled/by_row/indptr"][()]) == 0] = np.nan
    file["maps/items"] = places
    for name, value in file["maps/umap"].attrs.items():  # the settings of both maps are the same
        file["maps/items"].attrs[name] = value


def write_concepts(file: h5py.File, scores: Scores, content: Content) -> None:
    """Write ``/concepts``."""
    plan, f, rng = scores.plan, scores.plan.features, scores.rng
    columns = 1 + len(plan.languages)
    values = {
        name: sorted({getattr(one, name) for one in content.emoji})
        for name in ("group", "subgroup")
    }
    labels = [(name, value) for name, own in values.items() for value in own]
    group = hdf5.encode_group(file.create_group("concepts"), "concepts")
    node = hdf5.encode_group(group.create_group("labels"), "labels")
    hdf5.write_strings(node, "attribute", [name for name, _ in labels])
    hdf5.write_strings(node, "value", [value for _, value in labels])
    shape = len(labels), columns
    node = hdf5.encode_group(group.create_group("completeness"), "completeness")
    node["feature"] = rng.integers(0, f, shape).astype(np.int32)
    for name in ("f1", "precision", "recall", "p", "q", "frequency"):
        node[name] = rng.uniform(0, 1, shape)
    node["tested"], node["has"] = np.ones(shape, bool), node["f1"][()] > 0.5
    curve = {"labels": len(labels), "found": len(labels) // 2, "intercept": -2.0, "slope": 0.5}
    curve |= {"slope_low": 0.2, "slope_high": 0.8, "half": 70, "half_low": 20, "half_high": 900}
    curves = dict.fromkeys(("image", *plan.languages), curve)
    facts = {"bar": 0.5, "rate": 0.05, "alive": int(scores.alive.sum()), "curves": curves}
    node.attrs["json"] = json.dumps(facts)

    parent = hdf5.encode_group(group.create_group("absorption"), "absorption")
    purity = hdf5.encode_group(group.create_group("purity"), "purity")
    hdf5.write_strings(purity, "attributes", list(values))
    hdf5.write_strings(purity, "values", [value for _, value in labels])
    summary = {"mean": 0.3, "low": 0.2, "high": 0.4}
    names = ("image.pooled", "text.pooled")
    of_stream = {"labels": len(labels), **dict.fromkeys(("splitting", "share", "control"), summary)}
    parent.attrs["json"] = json.dumps(dict.fromkeys(names, of_stream))
    for name in names:
        node = hdf5.encode_group(parent.create_group(name), "absorption-stream")
        count = len(labels)
        node["main"] = rng.integers(0, f, (count, 8)).astype(np.int32)
        node["f1"] = np.sort(rng.uniform(0, 1, (count, 8)), 1)
        node["splitting"] = rng.integers(1, 8, count)
        node["positives"] = np.full(count, 100)
        node["missed"], node["absorbed"] = np.full(count, 40), rng.integers(0, 40, count)
        node["share"], node["control"] = node["absorbed"][()] / 100, rng.uniform(0, 0.2, count)
        node["absorber"] = rng.integers(0, f, count).astype(np.int32)

        node = hdf5.encode_group(purity.create_group(name), "purity-stream")
        sizes = [len(own) for own in values.values()]
        starts = [0, sizes[0]]
        value = [s + rng.integers(0, n, f) for s, n in zip(starts, sizes, strict=True)]
        node["value"] = np.stack(value, 1).astype(np.int32)
        node["base"], node["monotone"] = scores.uniform(0, 0.2, f, 2), scores.uniform(-1, 1, f, 2)
        node["rows"] = rng.integers(5, 500, (f, 2, BANDS)).astype(np.int32)
        node["share"] = -np.sort(-scores.uniform(0, 1, f, 2, BANDS))
        node["purity"] = scores.uniform(0, 1, f, 2, BANDS)
    node = hdf5.encode_group(group.create_group("monosemanticity"), "monosemanticity")
    for name in ("image", "text", "across"):
        node[name] = np.where(scores.alive, scores.uniform(0.1, 0.9, f), np.nan)
    _write_downstream(group, plan)


def _write_downstream(parent: h5py.Group, plan: Plan) -> None:
    by_tag = {**dict.fromkeys(plan.languages, 0.6), "mean": 0.6}
    spaces = ("raw", "centred", "reconstruction", "code")
    scores = {
        "caption_to_picture": ("recall@1", "recall@10"),
        "picture_to_caption": ("recall@1", "recall@10"),
        "zero_shot_concept": ("accuracy",),
        "zero_shot_group": ("accuracy", "chance"),
    }
    found = {
        task: {space: dict.fromkeys(names, by_tag) for space in spaces}
        for task, names in scores.items()
    }
    node = hdf5.encode_group(parent.create_group("downstream"), "downstream")
    node.attrs["json"] = json.dumps(found)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="the atlas to write")
    parser.add_argument("--features", type=int, default=65_536, help="64 or more [65536]")
    parser.add_argument("--items", type=int, default=1_000_000, help="64 or more [1000000]")
    parser.add_argument(
        "--languages", type=int, default=14, choices=range(1, 15), metavar="N", help="1 to 14 [14]"
    )
    args = parser.parse_args()
    try:
        write_atlas(args.out, args.features, args.items, LANGUAGES[: args.languages], say=True)
    except ValueError as error:
        sys.exit(f"big_atlas.py: {error}")


if __name__ == "__main__":
    main()
