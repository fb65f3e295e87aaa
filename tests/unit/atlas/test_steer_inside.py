"""Steering inside a small dual encoder, made by the real path, against hooks in float64."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from mmfeat.atlas import encoder, steer_inside
from mmfeat.atlas.galleries import PICTURES
from mmfeat.atlas.lookup import picture_of
from mmfeat.atlas.reader import Atlas
from mmfeat.atlas.steer import Query, Steering, ablating, adding
from mmfeat.backbones.registry import load_backbone
from mmfeat.errors import MmfeatError
from mmfeat.sae.interop import TrainedSAE, load_sae
from tests.unit.atlas.inside_files import ITEMS, SAES, TEXT, VISION, K, make


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inside")
    make(folder, list(SAES))
    return folder


@pytest.fixture(scope="module")
def atlas(folder: Path) -> Iterator[Atlas]:
    with Atlas(folder / "atlas.h5") as opened:
        yield opened


@pytest.fixture(scope="module")
def model(atlas: Atlas) -> Any:
    return load_backbone(atlas.backbone, "cpu")


@pytest.fixture(scope="module")
def steerings(atlas: Atlas, model: Any, folder: Path) -> dict[str, Steering]:
    return {name: Steering(atlas, model, sae=folder / name) for name in SAES}


def asked(steering: Steering) -> Query:
    """A query of the modality that an SAE changes."""
    if steering.known.encoder.hook == VISION:
        return steering.item("4")
    return steering.text("ein rotes Herz 4", "de")


def frequent(steering: Steering, query: Query) -> int:
    """The feature that fires on most rows, but not on all."""
    rate = steering.known.rate(query)
    return int(np.where(rate < 0.95, rate, 0).argmax())


def codes(trained: TrainedSAE, stream: str, group: int, x: Tensor) -> Tensor:
    """Encode rows in double precision, densely."""
    sae, stats = trained.sae_of(stream), trained.streams[stream]
    x = (x.double() - torch.from_numpy(stats.mean[group])) * float(stats.scale[group])
    pre = x @ sae.W_enc.double() + sae.b_enc.double()
    top = pre.topk(K, dim=1)
    return torch.zeros_like(pre).scatter(1, top.indices, top.values.relu())


def places(stream: str, inputs: Any, positions: tuple[int, ...]) -> list[int]:
    """Where rows are in the sequence: a class token before patches, a start before tokens."""
    if stream == "image.pooled":
        return [0]
    if stream == "image.patch":
        return [1 + p for p in positions or range(16)]
    end = int(ids_of(inputs).argmax())
    return [end] if stream == "text.pooled" else list(positions or range(1, end))


def ids_of(inputs: Any) -> Tensor:
    """Ids of one text, padded to all the model has positions for; its end has the largest."""
    (ids,) = (tensor[0] for tensor in inputs.tensors.values() if tensor.dtype == torch.int64)
    return torch.nn.functional.pad(ids, (0, 20 - len(ids)))


@contextmanager
def hooked(module: torch.nn.Module, change: Any) -> Iterator[None]:
    handle = module.register_forward_hook(lambda _m, _i, output: change(output))
    try:
        yield
    finally:
        handle.remove()


def embedded(model: Any, inputs: Any) -> Tensor:
    if inputs.is_text:
        return model.encode_text(ids_of(inputs)[None])
    (pixels,) = inputs.tensors.values()
    return model.encode_image(pixels.double())


def cosines(row: Tensor, others: list[Tensor]) -> np.ndarray:
    return torch.nn.functional.cosine_similarity(row, torch.cat(others)).numpy()


@pytest.mark.parametrize(
    ("name", "positions"),
    [
        ("patches", (0, 5, 7)),
        ("patches", ()),
        ("pictures", ()),
        ("tokens", (2, 3)),
        ("tokens", ()),
        ("texts", ()),
    ],
)
@torch.inference_mode()
def test_results_are_those_of_a_hook_written_by_hand_in_double_precision(
    steerings: dict[str, Steering], model: Any, name: str, positions: tuple[int, ...]
) -> None:
    steering, (hook, stream) = steerings[name], SAES[name]
    query = asked(steering)
    feature = frequent(steering, query)
    pair = [feature, (feature + 1) % 64]
    found = steering.steer(
        query, pair, adding(9.0), positions=positions, languages=["ko"], top=5, controls=0
    )
    assert (found["hook"], found["stream"]) == (hook, stream)

    exact = copy.deepcopy(model.model).double()
    tower = exact.visual.transformer if hook == VISION else exact.transformer
    trained = steering.known.encoder.trained
    scale = float(trained.streams[stream].scale[0])
    where = places(stream, query.inputs, positions)
    seen: list[Tensor] = []

    def by_hand(output: Tensor) -> Tensor:
        assert output.shape[0] == 1
        seen.append(codes(trained, stream, 0, output[0, where]))
        new = output.clone()
        decoder = trained.sae_of(stream).W_dec.double()
        new[0, where] += 9.0 * decoder[pair].sum(0) / scale
        return new

    before = embedded(exact, query.inputs)
    with hooked(tower.resblocks[0], by_hand):
        after = embedded(exact, query.inputs)
    shelf = steering.galleries.shelf(PICTURES if hook == TEXT else "ko")
    if hook == TEXT:
        inputs = [model.prepare_images([picture_of(steering.atlas, int(i))]) for i in shelf.item]
    else:
        inputs = [model.prepare_texts([text]) for text in shelf.text]
    others = [embedded(exact, own) for own in inputs]
    result = found["results"][PICTURES if hook == TEXT else "ko"]
    for when, row in (("before", before), ("after", after)):
        own = cosines(row, others)
        shown = [entry["cosine"] for entry in result[when]]
        np.testing.assert_allclose(shown, np.sort(own)[::-1][:5], atol=3e-6)
        share = np.exp(100 * own) / np.exp(100 * own).sum()
        shown = [entry["probability"] for entry in result[when]]
        np.testing.assert_allclose(shown, np.sort(share)[::-1][:5], rtol=2e-3)
        if hook == VISION:
            right = int(np.flatnonzero(shelf.item == 4)[0])
            assert result[f"own_{when}"]["rank"] == 1 + (own > own[right]).sum()
            assert result[f"own_{when}"]["probability"] == pytest.approx(share[right], rel=2e-3)
    assert result["before"] != result["after"]
    assert result["towards"]["noop"] == pytest.approx(0, abs=1e-6)
    largest = seen[0][:, pair].max(0).values
    np.testing.assert_allclose(found["activation"], largest.numpy(), atol=1e-4)
    changed = [row for row in found["rows"] if row["changed"]]
    assert len(changed) == len(where)
    shown = [row["activation"] for row in changed]
    np.testing.assert_allclose(shown, seen[0][:, pair].numpy(), atol=1e-4)
    if positions:
        assert [row["position"] for row in changed] == list(positions)


@torch.inference_mode()
@pytest.mark.parametrize("name", ["patches", "tokens"])
def test_maxima_and_rates_are_counted_in_rows_of_the_atlas(
    steerings: dict[str, Steering], model: Any, name: str
) -> None:
    steering, (hook, stream) = steerings[name], SAES[name]
    atlas, query = steering.atlas, asked(steering)
    tower = model.model.visual.transformer if hook == VISION else model.model.transformer
    seen: dict[int, list[Tensor]] = {}
    for item in range(ITEMS):
        if hook == VISION:
            inputs = model.prepare_images([picture_of(atlas, item)])
        else:
            (text,) = (c.text for c in atlas.captions_of(item) if c.language == "de")
            inputs = model.prepare_texts([text])
        out: list[Tensor] = []
        with hooked(tower.resblocks[0], out.append):
            model.run(inputs, {"joint": ("image.pooled", "text.pooled")})
        rows = out[0][0, places(stream, inputs, ())]
        seen.setdefault(item, []).append(codes(steering.known.encoder.trained, stream, 0, rows))
    every = torch.cat([torch.cat(own) for own in seen.values()])
    maximum = every.max(0).values.numpy()
    np.testing.assert_allclose(steering.known.maximum(query), maximum, rtol=1e-4, atol=1e-5)
    rate = (every > 0).double().mean(0).numpy()
    np.testing.assert_allclose(steering.known.rate(query), rate, atol=1e-9)
    feature = frequent(steering, query)
    firing = steering.known.firing(query, feature)
    most = {i: float(torch.cat(own)[:, feature].max()) for i, own in seen.items()}
    assert firing == pytest.approx({i: value for i, value in most.items() if value > 0}, rel=1e-4)
    change = steering.clamping(query, -3)([feature])
    assert change.values == pytest.approx([-3 * float(maximum[feature])], rel=1e-4)
    swapped = steering.swapping(query, "9")([feature])
    assert swapped.values == pytest.approx([most[9]], rel=1e-4, abs=1e-6)
    found = steering.steer(query, [feature], adding(1.0), controls=0)
    test = [i for i in sorted(firing, key=lambda i: -firing[i]) if not i % 2 and i != query.item]
    assert found["concept"] == [str(i) for i in test[:5]]


def test_a_sample_is_bounded_and_no_batch_changes_it(
    steerings: dict[str, Steering], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = steerings["patches"]
    monkeypatch.setattr(steer_inside, "_BATCH", 7)
    monkeypatch.setattr(encoder, "_CELLS", 10 * 64)
    again = Steering(whole.atlas, whole.backbone, sae=folder / "patches")
    query = whole.item("4")
    np.testing.assert_allclose(again.known.maximum(query), whole.known.maximum(query), rtol=1e-5)
    np.testing.assert_allclose(again.known.rate(query), whole.known.rate(query), atol=1e-9)
    monkeypatch.setattr(steer_inside, "_ITEMS", 25)
    few = Steering(whole.atlas, whole.backbone, sae=folder / "patches")
    items = {item for feature in range(64) for item in few.known.firing(query, feature)}
    assert len(items) == 25
    assert set(range(0, ITEMS, 2)) <= items, "those of test concepts come first"


def test_the_stream_an_sae_was_trained_on_is_changed_or_another_it_knows(
    steerings: dict[str, Steering], atlas: Atlas, model: Any, folder: Path
) -> None:
    found = {name: steerings[name].known.stream(asked(steerings[name])) for name in SAES}
    assert found == {name: stream for name, (_, stream) in SAES.items()}
    other = Steering(atlas, model, sae=folder / "texts", stream="text.token")
    assert other.known.stream(other.text("Herz", "de")) == "text.token"


@torch.inference_mode()
@pytest.mark.parametrize("name", list(SAES))
def test_a_difference_of_means_is_of_rows_with_and_without_the_features(
    steerings: dict[str, Steering], name: str
) -> None:
    steering, (_, stream) = steerings[name], SAES[name]
    query = asked(steering)
    feature = frequent(steering, query)
    sides = steering.known.sides(query, [feature])
    assert sides is not None
    trained = steering.known.encoder.trained
    fired, none = (codes(trained, stream, 0, torch.from_numpy(x))[:, feature] for x in sides)
    assert len(fired) and len(none)
    assert (fired > 0).all() and (none == 0).all()


@pytest.mark.parametrize("name", list(SAES))
def test_effects_stand_beside_their_controls(steerings: dict[str, Steering], name: str) -> None:
    steering = steerings[name]
    query = asked(steering)
    feature = frequent(steering, query)
    found = steering.steer(query, [feature], steering.clamping(query, 5), controls=4)
    for own in found["results"].values():
        moved = own["towards"]
        assert moved["noop"] == 0
        assert moved["change"] == pytest.approx(moved["after"] - moved["before"])
        assert len(moved["controls"]) == 4
        assert np.isfinite(moved["difference_of_means"])
        larger = sum(value >= moved["change"] for value in moved["controls"])
        assert moved["p"] == pytest.approx((1 + larger) / 5)


def test_what_is_ablated_is_compared_with_features_of_the_same_rows(
    steerings: dict[str, Steering],
) -> None:
    steering = steerings["patches"]
    query = steering.item("4")
    rows = steering.steer(query, [0], ablating, controls=0)["rows"]
    every = steering.steer(query, list(range(64)), ablating, controls=0)["rows"]
    patch = np.array(every[3]["activation"])
    feature = int(patch.argmax())
    found = steering.steer(query, [feature], ablating, positions=[3], controls=50)
    assert found["activation"] == [pytest.approx(patch.max())]
    assert len(found["results"]["ko"]["towards"]["controls"]) == (patch > 0).sum() - 1
    assert [row["position"] for row in rows] == list(range(16))


def test_tokens_are_shown_with_their_text(steerings: dict[str, Steering]) -> None:
    steering = steerings["tokens"]
    text = "심장 red 4"
    found = steering.steer(steering.text(text, "ko"), [1], ablating, controls=0)
    pieces = [row["text"] for row in found["rows"]]
    assert "red" in pieces and "4" in pieces
    assert all(piece and piece in text for piece in pieces)


def refused(steering: Steering, query: Query, *features: int, **options: Any) -> str:
    with pytest.raises(MmfeatError) as caught:
        steering.steer(query, features, ablating, controls=0, **options)
    return str(caught.value)


def test_what_cannot_be_changed_is_refused(steerings: dict[str, Steering], folder: Path) -> None:
    patches, tokens, pictures = (steerings[name] for name in ("patches", "tokens", "pictures"))
    picture, text = patches.item("4"), tokens.text("ein Herz", "de")
    assert refused(patches, picture, 64) == (
        f"{folder / 'patches'} has no feature 64; give one from 0 to 63."
    )
    assert refused(patches, picture, 1, positions=[16]) == (
        "The picture has no patch 16; give one from 0 to 15."
    )
    assert "The text has no token 0; give one from 1 to " in refused(tokens, text, 1, positions=[0])
    assert "a picture has one row, at no position" in refused(pictures, picture, 1, positions=[0])
    assert "A text has no rows that" in refused(patches, text, 1)
    assert "image.patch at vision.blocks.0; give a picture" in refused(patches, text, 1)
    with pytest.raises(MmfeatError, match="text '' has no rows of text.token at text.blocks.0"):
        tokens.steer(tokens.text("", "de"), [1], ablating)
    silent = int(np.flatnonzero(patches.known.maximum(picture) == 0)[0])
    with pytest.raises(MmfeatError, match=f"Feature {silent} never fires"):
        patches.steer(picture, [silent], patches.clamping(picture, 5))


def changed_config(folder: Path, to: Path, **metadata: Any) -> Path:
    """Copy an SAE, and say something else of it; what is None is left out."""
    shutil.copytree(folder, to)
    config = json.loads((to / "cfg.json").read_text("utf-8"))
    config["metadata"] |= metadata
    config["metadata"] = {k: v for k, v in config["metadata"].items() if v is not None}
    (to / "cfg.json").write_text(json.dumps(config), encoding="utf-8")
    return to


def test_an_sae_of_elsewhere_is_refused(
    atlas: Atlas, model: Any, folder: Path, tmp_path: Path
) -> None:
    patches = folder / "patches"
    for sae, options, message in (
        (patches, {"hook": "vision.blocks.1"}, f"{patches} was trained at vision.blocks.0, not at"),
        (patches, {"stream": "text.token"}, "knows no rows of text.token at vision.blocks.0"),
        (folder / "joint", {}, "acts at joint; build its atlas"),
        (folder / "nothing", {}, "is no whole SAE folder"),
        (None, {"hook": VISION}, f"name the SAE of {VISION}"),
        (changed_config(patches, tmp_path / "a", model_name="hf:other"), {}, "rows of hf:other"),
        (changed_config(patches, tmp_path / "b", hook_name="vision.blocks.9"), {}, "no hook point"),
        (changed_config(patches, tmp_path / "c", hook_name="joint"), {}, "acts at joint"),
        (
            changed_config(folder / "tokens", tmp_path / "d", languages=["de"]),
            {},
            "has 2 means of text.[a-z]+ for 1 languages",
        ),
    ):
        with pytest.raises(MmfeatError, match=message):
            Steering(atlas, model, sae=sae, **options)
    narrow = changed_config(folder / "joint", tmp_path / "e", hook_name=VISION)
    assert load_sae(narrow).d_in == 24
    with pytest.raises(MmfeatError, match="width 32 at vision.blocks.0, and the SAE acts on 24"):
        Steering(atlas, model, sae=narrow)


def test_an_sae_of_another_program_acts_where_it_is_told(
    atlas: Atlas, model: Any, folder: Path, tmp_path: Path
) -> None:
    bare = changed_config(
        folder / "patches", tmp_path / "bare", hook_name=None, provenance=None, streams=None
    )
    (bare / "streams.safetensors").unlink()
    with pytest.raises(MmfeatError, match="does not say where it acts; name its hook point"):
        Steering(atlas, model, sae=bare)
    steering = Steering(atlas, model, sae=bare, hook=VISION)
    found = steering.steer(steering.item("4"), [1], adding(1.0), languages=["de"], controls=0)
    assert (found["hook"], found["stream"]) == (VISION, "image.patch")
