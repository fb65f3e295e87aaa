"""Probes of an atlas with the bundled backbone, against the backbone's own rows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mmfeat.analysis.probe_lists import read_probe
from mmfeat.atlas.encoder import Encoder, open_encoder
from mmfeat.atlas.probe_items import matching_items
from mmfeat.atlas.reader import Atlas
from mmfeat.atlas.safety import CAUTION, Positives, causal_check, mean_drops, probe_atlas
from mmfeat.errors import MmfeatError

FLAGS = """
category: flags
description: Flags against food.
texts:
  en:
    positive:
      [flag of France, flag of Japan, flag of Chad, flag of Peru, flag of Mali, flag of Cuba]
    negative: [bread, rice, cheese, apple, soup, cake]
  ko:
    positive: [깃발 프랑스, 깃발 일본, 깃발 차드, 깃발 페루, 깃발 말리, 깃발 쿠바]
    negative: [빵, 쌀, 치즈, 사과, 수프, 케이크]
  sw:
    positive: [a, b, c, d, e, f]
    negative: [g, h, i, j, k, l]
"""


@pytest.fixture(scope="module")
def atlas(atlas_path: Path) -> Iterator[Atlas]:
    with Atlas(atlas_path) as opened:
        yield opened


@pytest.fixture(scope="module")
def encoder(atlas: Atlas) -> Encoder:
    return open_encoder(atlas)


@pytest.fixture(scope="module")
def flags(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("probes") / "flags.yaml"
    path.write_text(FLAGS, "utf-8")
    return path


@pytest.fixture(scope="module")
def report(atlas_path: Path, flags: Path) -> dict:
    return probe_atlas(atlas_path, [flags], out=flags.with_name("report.json"))


def test_a_report_says_what_it_does_not_prove_and_blurs(report: dict, flags: Path) -> None:
    assert report["caution"] == CAUTION
    assert "not evidence" in CAUTION
    assert report["blurred_by_default"] is True
    written = json.loads(flags.with_name("report.json").read_text("utf-8"))
    assert written == {key: value for key, value in report.items() if key != "out"}
    assert "nan" not in flags.with_name("report.json").read_text("utf-8").lower()


def test_features_are_scored_by_the_codes_of_the_texts(
    report: dict, encoder: Encoder, flags: Path
) -> None:
    (category,) = report["categories"]
    assert category["languages"] == ["en", "ko"]
    assert category["languages_left_out"] == ["sw"]
    assert category["texts"] == {"positive": 6, "negative": 6}
    probe = read_probe(flags)
    assert category["features"]
    for found in category["features"]:
        for tag in ("en", "ko"):
            own = probe.texts[tag]
            codes = encoder.texts([*own.positive, *own.negative], [tag] * 12).codes.toarray()
            values = codes[:, found["feature"]]
            pairs = [(a > b) + (a == b) / 2 for a in values[:6] for b in values[6:]]
            assert found["auroc"][tag] == pytest.approx(np.mean(pairs))
            assert found["difference"][tag] == pytest.approx(
                values[:6].mean() - values[6:].mean(), rel=1e-4
            )
        low, high = found["auroc_interval"]
        assert 0 <= low <= np.mean(list(found["auroc"].values())) <= high <= 1
        assert found["auroc_image"] is not None or found["auroc_image_interval"] is None
        assert 1 / 924 <= found["p"] <= 1
    scores = [found["score"] for found in category["features"]]
    assert scores == sorted(scores, reverse=True)
    assert scores[-1] > 0.5
    for found in category["features"]:
        assert 0 <= found["causal"]["above_controls"] <= 1
        assert 0 <= found["causal"]["above_active"] <= 1


def test_without_pictures_of_its_own_a_probe_takes_the_items_it_names(
    atlas: Atlas, report: dict
) -> None:
    (category,) = report["categories"]
    images = category["images"]
    assert images["source"] in ("items of the atlas", "none")
    ids = atlas.items().item_id
    for side in ("positive", "negative"):
        assert images[side] == len(images["items"][side])
        assert set(images["items"][side]) <= set(ids)


def test_items_are_named_in_two_languages_and_one_a_concept(atlas: Atlas, tmp_path: Path) -> None:
    items = atlas.items()
    chosen = [i for i in range(atlas.n_items) if items.attributes["group"][i] == "food-drink"][:6]
    others = [i for i in range(atlas.n_items) if items.attributes["group"][i] == "objects"][:6]
    name = {
        (i, caption.language): caption.text
        for i in (*chosen, *others)
        for caption in atlas.captions_of(i)
    }
    texts = {
        tag: {
            "positive": [name[i, tag] for i in chosen],
            "negative": [name[i, tag] for i in others],
        }
        for tag in ("en", "ja", "ko")
    }
    path = tmp_path / "food.yaml"
    path.write_text(json.dumps({"category": "food", "texts": texts}), "utf-8")
    ((positive, negative),) = matching_items(atlas, [read_probe(path)])
    assert set(chosen) <= set(positive)
    assert set(others) <= set(negative)
    assert not set(positive) & set(negative)
    for side in (positive, negative):
        assert len({items.concept[i] for i in side}) == len(side)
    texts["ja"]["positive"] = texts["ko"]["positive"] = [
        "なし",
        "ない",
        "なく",
        "なき",
        "無し",
        "無い",
    ]
    path.write_text(json.dumps({"category": "food", "texts": texts}), "utf-8")
    ((positive, _),) = matching_items(atlas, [read_probe(path)])
    assert positive == []  # English alone names them


def test_pictures_of_folders_are_encoded(
    atlas_path: Path, encoder: Encoder, tmp_path: Path
) -> None:
    from mmfeat.corpus.openmoji import render

    for side, names in (("yes", ("1F9C0", "1F34E")), ("others", ("1F697", "1F6B2"))):
        (tmp_path / side).mkdir()
        for name in names:
            render(f"{name}.svg", 64).save(tmp_path / side / f"{name}.png")
    text = FLAGS.replace("category: flags", "category: food")
    path = tmp_path / "food.yaml"
    path.write_text(text + "images: {positive: yes, negative: others}\n".replace("yes", "'yes'"))
    (category,) = probe_atlas(atlas_path, [path])["categories"]
    assert category["images"]["source"] == "folders"
    assert (category["images"]["positive"], category["images"]["negative"]) == (2, 2)
    pictures = [render(f"{name}.svg", 64) for name in ("1F34E", "1F9C0", "1F697", "1F6B2")]
    codes = encoder.images(pictures).codes.toarray()
    for found in category["features"]:
        values = codes[:, found["feature"]]
        pairs = [(a > b) + (a == b) / 2 for a in values[:2] for b in values[2:]]
        assert found["auroc_image"] == pytest.approx(np.mean(pairs))


def test_the_causal_check_is_what_ablating_at_the_hook_point_does(encoder: Encoder) -> None:
    import torch

    texts, tag = ["flag of France", "flag of Japan", "flag of Chad"], "en"
    encoded = encoder.texts(texts, [tag] * 3)
    group = np.full(3, encoder.languages.index(tag))
    positives = [Positives(encoded, group)]
    feature = int(encoded.codes.sum(axis=0).argmax())
    trained = encoder.trained
    sae = trained.sae_of("text.pooled")

    def ablated(rows: torch.Tensor) -> torch.Tensor:
        x = trained.standardise("text.pooled", rows.numpy(), group)
        values, latents = sae.encode(x)
        error = x - sae.decode(values, latents)
        kept = torch.where(latents == feature, 0.0, values)
        standard = trained.streams["text.pooled"]
        mean, scale = standard.mean[group], standard.scale[group][:, None]
        return (sae.decode(kept, latents) + error) / torch.from_numpy(scale) + torch.from_numpy(
            mean
        )

    inputs = encoder.backbone.prepare_texts(texts)
    streams = {"joint": ("text.pooled",)}
    before = encoder.backbone.run(inputs, streams)["joint"]["text.pooled"].x.astype(float)
    edits = {("joint", "text.pooled"): ablated}
    after = encoder.backbone.run(inputs, streams, edits)["joint"]["text.pooled"].x.astype(float)

    def unit(x: np.ndarray) -> np.ndarray:
        return x / np.linalg.norm(x, axis=-1, keepdims=True)

    centroid = unit(unit(before).mean(axis=0))
    expected = (unit(before) @ centroid - unit(after) @ centroid).mean()
    drops = mean_drops(encoder, positives)
    assert drops[feature] == pytest.approx(expected, abs=1e-5)
    silent = np.flatnonzero(encoded.codes.sum(axis=0) == 0)
    assert (drops[silent] == 0).all()
    found = causal_check(drops, feature, positives, silent[:10].tolist())
    assert found.drop == pytest.approx(expected, abs=1e-5)
    assert found.controls_drop == 0
    assert found.above_controls == float(expected > 0)


def test_streams_count_alike_in_the_causal_check(encoder: Encoder) -> None:
    encoded = encoder.texts(["cat", "dog"], ["en", "en"])
    group = np.full(2, encoder.languages.index("en"))
    one = Positives(encoded, group)
    twice = Positives(
        replace(
            encoded,
            codes=encoded.codes[[0, 1, 0, 1]],
            x=encoded.x[[0, 1, 0, 1]],
            source=np.arange(4),
        ),
        np.tile(group, 2),
    )
    np.testing.assert_allclose(mean_drops(encoder, [one]), mean_drops(encoder, [twice]), atol=1e-7)


def test_a_probe_in_languages_the_atlas_has_not_is_reported_empty(
    atlas_path: Path, tmp_path: Path
) -> None:
    path = tmp_path / "none.yaml"
    path.write_text("category: a\ntexts:\n  sw: {positive: [a, b], negative: [c, d]}\n")
    (category,) = probe_atlas(atlas_path, [path])["categories"]
    assert (category["languages"], category["features"]) == ([], [])
    assert category["agreement"] == {"image_text": None, "languages": None}
    with pytest.raises(MmfeatError, match="Two probe lists"):
        probe_atlas(atlas_path, [path, path])
