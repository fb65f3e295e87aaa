"""A corpus as corpora are: captions of unequal number, languages and pictures that are missing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from mmfeat.atlas.reader import Atlas
from mmfeat.corpus.file import open_corpus
from mmfeat.corpus.openmoji import load_emoji, render
from mmfeat.store.activations import open_activations

ITEMS = 240
LANGUAGES = ("ar", "de", "en", "ja", "ko")


def mmfeat(*arguments: str, folder: Path) -> dict:
    done = subprocess.run(
        [sys.executable, "-m", "mmfeat", *arguments, "--json"],
        cwd=folder, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, f"{arguments}\n{done.stderr}"
    return json.loads(done.stdout.splitlines()[-1])


def captions_of(number: int, names: dict[str, str]) -> dict[str, list[str]]:
    """English always, German twice, Japanese for half, Arabic for few, Korean for one split."""
    found = {"en": [names["en"]], "de": [names["de"], f"ein Bild: {names['de']}"]}
    if number % 2:
        found["ja"] = [names["ja"]]
    if number % 40 == 3:
        found["ar"] = [names["ar"]]
    if number % 3 == 0:
        found["ko"] = [names["ko"]]
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The rows of a JSON lines table, their pictures, and everything made of them."""
    folder = tmp_path_factory.mktemp("ragged")
    first = {emoji.concept: emoji for emoji in reversed(load_emoji())}
    with (folder / "rows.jsonl").open("w", encoding="utf-8") as file:
        for number, emoji in enumerate(list(first.values())[:ITEMS]):
            row: dict[str, object] = {
                "id": emoji.item_id,
                # Korean is there for test concepts alone.
                "split": "test" if number % 3 == 0 else "train",
                **captions_of(number, emoji.names),
            }
            if number % 10 == 7:
                row = {"id": row["id"], "split": row["split"]}  # a picture and nothing else
            if number % 10 != 4:  # else a text and nothing else
                render(emoji.picture, 96).save(folder / f"{number}.png")
                row["picture"] = f"{number}.png"
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    tags = [f for tag in LANGUAGES for f in ("--lang", f"{tag}={tag}")]
    mmfeat(
        "corpus", "import", "table", "rows.jsonl", "--id", "id", "--image", "picture",
        "--split-column", "split", *tags, "--out", "corpus.h5", folder=folder,
    )  # fmt: skip
    mmfeat("extract", "--corpus", "corpus.h5", "--out", "acts.h5", folder=folder)
    settings = ("sae.d_sae=64", "sae.k=4", "optimiser.steps=120", "batch.size=128")
    assign = [f for setting in settings for f in ("--set", setting)]
    mmfeat("train", "--activations", "acts.h5", "--out", "sae", *assign, folder=folder)
    mmfeat("atlas", "--activations", "acts.h5", "--sae", "sae", "--out", "atlas.h5", folder=folder)
    mmfeat("map", "atlas.h5", folder=folder)
    return folder


def test_every_row_is_that_of_a_caption_or_picture_there_is(folder: Path) -> None:
    with open_corpus(folder / "corpus.h5") as corpus, open_activations(folder / "acts.h5") as acts:
        text, image = acts.stream("joint", "text.pooled"), acts.stream("joint", "image.pooled")
        assert text.caption.tolist() == list(range(len(corpus.captions.text)))
        np.testing.assert_array_equal(text.item, corpus.captions.item)
        there = [item for item, picture in enumerate(corpus.picture) if picture]
        assert image.item.tolist() == there
        assert 0 < len(set(text.item.tolist()) - set(there)) < ITEMS / 5
        assert 0 < len(set(there) - set(text.item.tolist())) < ITEMS / 5


def test_a_language_without_train_rows_takes_the_mean_of_all(folder: Path) -> None:
    with h5py.File(folder / "acts.h5") as file:
        stream = file["hooks/joint/text.pooled"]
        tags = file["languages"].asstr()[:].tolist()
        count = dict(zip(tags, stream["count"][:].tolist(), strict=True))
        assert count["ko"] == 0 and min(count[tag] for tag in ("de", "en", "ja")) > 40
        mean = stream["mean"][tags.index("ko")]
        train = np.isin(
            stream["item"][:], np.flatnonzero(file["items/split"].asstr()[:] == "train")
        )
        np.testing.assert_allclose(mean, stream["x"][:][train].mean(0), rtol=1e-3, atol=1e-4)


def test_the_scoreboard_counts_each_language_by_what_it_has(folder: Path) -> None:
    (scores,) = mmfeat("evaluate", "--activations", "acts.h5", "--sae", "sae", folder=folder)[
        "saes"
    ]
    assert set(scores["fvu"]["text.pooled"]) == set(LANGUAGES)
    assert all(0 < value < 2 for value in scores["fvu"]["text.pooled"].values())
    assert 0 <= scores["shared"] <= 1
    assert scores["r10_dense"]["mean"] > 0.3


def test_the_atlas_has_examples_of_what_each_item_has(folder: Path) -> None:
    with Atlas(folder / "atlas.h5") as atlas:
        items = atlas.items()
        for feature in range(atlas.d_sae):
            for example in atlas.image_examples(feature):
                assert items.item_id[example.item]
                assert atlas.thumbnail(example.item)


@pytest.mark.parametrize("kind", ["a text alone", "a picture alone", "both"])
def test_the_viewer_shows_an_item_whatever_it_lacks(folder: Path, kind: str) -> None:
    with open_corpus(folder / "corpus.h5") as corpus:
        captioned = set(corpus.captions.item.tolist())
        of_kind = {
            "a text alone": lambda item: not corpus.picture[item],
            "a picture alone": lambda item: item not in captioned,
            "both": lambda item: bool(corpus.picture[item]) and item in captioned,
        }[kind]
        item_id = next(corpus.item_id[item] for item in range(len(corpus)) if of_kind(item))
    path = folder / f"{kind}.png"
    done = subprocess.run(
        [sys.executable, "-m", "mmfeat", "view", "atlas.h5", "--screenshot", path.name,
         "--item", item_id],
        cwd=folder, capture_output=True, text=True,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    with Image.open(path) as picture:
        assert picture.size == (1440, 900)
        assert len(picture.convert("RGB").resize((180, 112)).getcolors(1 << 16) or []) > 100
