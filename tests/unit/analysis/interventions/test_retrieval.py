from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from mmfeat.analysis.interventions.edits import Change, FeatureEdit
from mmfeat.analysis.interventions.retrieval import (
    Gallery,
    edited,
    joint_rows,
    nearest,
    standing,
    towards,
)
from mmfeat.backbones.base import Backbone
from mmfeat.backbones.registry import load_backbone
from mmfeat.sae.architectures.topk import TopKSAE
from mmfeat.sae.interop import TrainedSAE
from mmfeat.sae.standardisation import Standardisation

RNG = np.random.default_rng(0)
GALLERY = RNG.normal(size=(30, 8)).astype(np.float32)
KEY = np.repeat(np.arange(15), 2)
QUERIES = RNG.normal(size=(6, 8)).astype(np.float32)
WANTED = np.isin(KEY, [2, 7])


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a.astype(float), b.astype(float)
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def test_ranks_and_probabilities_are_those_counted_by_hand() -> None:
    key = np.array([0, 3, 14, 2, 99, 7])
    found = standing(QUERIES, Gallery.of(GALLERY, KEY), key, scale=10)
    for q in range(6):
        scores = [cosine(QUERIES[q], row) for row in GALLERY]
        right = [s for s, k in zip(scores, KEY, strict=True) if k == key[q]]
        if not right:
            assert found.wrong[q] == np.iinfo(np.int64).max and math.isnan(found.probability[q])
            continue
        wrong = [s for s, k in zip(scores, KEY, strict=True) if k != key[q]]
        assert found.wrong[q] == sum(s >= max(right) for s in wrong)
        total = sum(math.exp(10 * s) for s in scores)
        share = sum(math.exp(10 * s) for s in right) / total
        assert found.probability[q] == pytest.approx(share, rel=1e-4)


def test_towards_is_the_share_of_pairs_in_the_right_order() -> None:
    cosines = Gallery.of(GALLERY, KEY).cosines(QUERIES)
    cosines[0, :] = 0.25  # all tied
    found = towards(cosines, WANTED)
    for q in range(6):
        pairs = [(a > b) + 0.5 * (a == b) for a in cosines[q, WANTED] for b in cosines[q, ~WANTED]]
        assert found[q] == pytest.approx(sum(pairs) / len(pairs))
    assert found[0] == 0.5
    assert np.isnan(towards(cosines, np.zeros(30, bool))).all()
    assert np.isnan(towards(cosines, np.ones(30, bool))).all()


def test_nothing_depends_on_the_order_of_the_gallery() -> None:
    order = np.random.default_rng(1).permutation(30)
    one, other = Gallery.of(GALLERY, KEY), Gallery.of(GALLERY[order], KEY[order])
    key = KEY[:6]
    a, b = standing(QUERIES, one, key), standing(QUERIES, other, key)
    assert np.array_equal(a.wrong, b.wrong)
    np.testing.assert_allclose(a.probability, b.probability, rtol=1e-3)
    np.testing.assert_allclose(
        towards(one.cosines(QUERIES), WANTED), towards(other.cosines(QUERIES), WANTED[order])
    )


def test_the_nearest_come_first_with_their_probability() -> None:
    found = nearest(QUERIES[0], Gallery.of(GALLERY, KEY), 4, scale=10)
    scores = np.array([cosine(QUERIES[0], row) for row in GALLERY])
    assert [row for row, _, _ in found] == np.argsort(-scores)[:4].tolist()
    np.testing.assert_allclose([c for _, c, _ in found], np.sort(scores)[::-1][:4], atol=1e-5)
    share = np.exp(10 * scores) / np.exp(10 * scores).sum()
    np.testing.assert_allclose([p for _, _, p in found], np.sort(share)[::-1][:4], rtol=1e-3)


# Through the model ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return load_backbone("openmoji-clip", "cpu")


def made(d: int, streams: tuple[str, ...]) -> TrainedSAE:
    torch.manual_seed(0)
    sae = TopKSAE(d, 3 * d, 8).requires_grad_(False).eval()
    rng = np.random.default_rng(0)
    known = {
        name: Standardisation(
            rng.normal(0, 0.1, (2, d)).astype(np.float32), np.array([0.7, 1.3], np.float32)
        )
        for name in streams
    }
    return TrainedSAE({"image": sae, "text": sae}, known, {})


def pictures(count: int) -> list[Image.Image]:
    rng = np.random.default_rng(0)
    return [Image.fromarray(rng.integers(0, 255, (96, 96, 3), np.uint8)) for _ in range(count)]


@contextmanager
def hooked(module: torch.nn.Module, change: Any) -> Iterator[None]:
    handle = module.register_forward_hook(lambda _m, _i, output: change(output))
    try:
        yield
    finally:
        handle.remove()


def test_an_edit_of_patches_gives_what_a_hook_written_by_hand_gives(backbone: Backbone) -> None:
    hook = "vision.blocks.1"
    trained = made(backbone.point(hook).d, ("image.patch",))
    inputs = backbone.prepare_images(pictures(2))
    rows = backbone.run(inputs, {hook: ("image.patch",)})[hook]["image.patch"]
    chosen = np.isin(rows.position, [0, 5, 7])
    sae, stats = trained.saes["image"], trained.streams["image.patch"]
    edit = FeatureEdit(trained, "image.patch", 1, Change("clamp", (3, 4), (30.0, -9.0)), chosen)

    found = joint_rows(backbone, inputs, {(hook, "image.patch"): edit})
    plain = joint_rows(backbone, inputs)
    assert np.abs(found - plain).max() > 1e-3

    grid = rows.x.shape[0] // 2

    def by_hand(output: Any) -> Any:
        first = output[0] if isinstance(output, tuple) else output
        new = first.clone()
        offset = first.shape[1] - grid
        for b in range(2):
            for p in (0, 5, 7):
                x = first[b, offset + p].double()
                row = (x - torch.from_numpy(stats.mean[1])) * float(stats.scale[1])
                pre = row @ sae.W_enc.double() + sae.b_enc.double()
                z = torch.zeros_like(pre)
                on = pre.topk(8).indices
                z[on] = pre[on].relu()
                after = z.clone()
                after[3], after[4] = 30.0, -9.0
                error = row - z @ sae.W_dec.double() - sae.b_dec
                row = after @ sae.W_dec.double() + sae.b_dec + error
                new[b, offset + p] = row / float(stats.scale[1]) + torch.from_numpy(stats.mean[1])
        return (new, *output[1:]) if isinstance(output, tuple) else new

    module = backbone.sites[hook].module  # type: ignore[attr-defined]
    with hooked(module, by_hand):
        wanted = joint_rows(backbone, inputs)
    np.testing.assert_allclose(found, wanted, atol=1e-4)


@pytest.mark.parametrize("hook", ["vision.blocks.1", "text.blocks.1"])
def test_a_noop_at_a_residual_hook_changes_nothing(backbone: Backbone, hook: str) -> None:
    stream = "image.patch" if hook.startswith("vision") else "text.token"
    trained = made(backbone.point(hook).d, (stream,))
    inputs = (
        backbone.prepare_images(pictures(2))
        if stream == "image.patch"
        else backbone.prepare_texts(["a red heart", "불"])
    )
    noop = FeatureEdit(trained, stream, 0, Change("noop", (0, 1)))
    found = joint_rows(backbone, inputs, {(hook, stream): noop})
    np.testing.assert_allclose(found, joint_rows(backbone, inputs), atol=1e-6)
    strong = FeatureEdit(trained, stream, 0, Change("add", (0, 1), (40.0, 40.0)))
    moved = joint_rows(backbone, inputs, {(hook, stream): strong})
    assert np.abs(moved - found).max() > 1e-3


def test_at_joint_stored_rows_change_as_in_a_forward_pass(backbone: Backbone) -> None:
    trained = made(backbone.point("joint").d, ("text.pooled",))
    edit = FeatureEdit(trained, "text.pooled", 1, Change("clamp", (7,), (5.0,)))
    inputs = backbone.prepare_texts(["a red heart", "불", "fuego"])
    stored = joint_rows(backbone, inputs)
    found = joint_rows(backbone, inputs, {("joint", "text.pooled"): edit})
    np.testing.assert_allclose(edited(stored, edit), found, atol=1e-6)
    assert np.abs(found - stored).max() > 0.1


def test_stored_rows_of_half_precision_that_are_mapped_can_be_edited() -> None:
    trained = made(8, ("text.pooled",))
    x = GALLERY.astype(np.float16)
    x.flags.writeable = False

    def double(rows: Tensor) -> Tensor:
        return 2 * rows

    assert np.array_equal(edited(x, double), 2 * x.astype(np.float32))
    assert edited(x, FeatureEdit(trained, "text.pooled", 0, Change("ablate", (0,)))).shape == (
        30,
        8,
    )
