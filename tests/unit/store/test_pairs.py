from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mmfeat.errors import MmfeatError
from mmfeat.store.activations import open_activations
from mmfeat.store.pairs import PairSource


def test_a_pair_is_a_train_caption_and_its_own_picture(activations_path: Path) -> None:
    with open_activations(activations_path) as acts:
        pairs = PairSource(acts, "joint", ["image.pooled", "text.pooled"], 64, seed=3)
        image, text = acts.stream("joint", "image.pooled"), acts.stream("joint", "text.pooled")
        every_image = image.standardised(image.x[:], image.group)
        every_text = text.standardised(text.x[:], text.group)
        batch = pairs(5)
        for j in range(64):
            item, language = int(batch.item[j]), int(batch.language[j])
            assert acts.split[item] == "train"
            np.testing.assert_array_equal(batch.rows["image.pooled"][j], every_image[item])
            row = np.flatnonzero((text.item == item) & (text.language == language))
            np.testing.assert_array_equal(batch.rows["text.pooled"][j], every_text[row[0]])


def test_languages_are_drawn_in_equal_shares(activations_path: Path) -> None:
    with open_activations(activations_path) as acts:
        pairs = PairSource(acts, "joint", ["image.pooled", "text.pooled"], 500, seed=0)
        counts = np.bincount(np.concatenate([pairs(s).language.numpy() for s in range(20)]))
    assert len(counts) == 14
    # 10,000 draws over 14: 714 each, standard deviation 26.
    assert abs(counts - 10_000 / 14).max() < 5 * 26


def test_the_batch_depends_on_seed_and_step_alone(activations_path: Path) -> None:
    with open_activations(activations_path) as acts:
        streams = ["image.pooled", "text.pooled"]
        first, second = (PairSource(acts, "joint", streams, 32, seed=1) for _ in range(2))
        second(0)
        assert first(4).item.tolist() == second(4).item.tolist()
        assert first(4).item.tolist() != first(5).item.tolist()
        other = PairSource(acts, "joint", streams, 32, seed=2)
        assert first(4).item.tolist() != other(4).item.tolist()


def test_patches_and_tokens_are_drawn_within_the_pair(activations_path: Path) -> None:
    with open_activations(activations_path) as acts:
        pairs = PairSource(acts, "joint", ["image.patch", "text.token"], 40, seed=0)
        patch = acts.stream("joint", "image.patch")
        batch = pairs(0)
        for j in range(40):
            own = np.flatnonzero(patch.item == int(batch.item[j]))
            rows = patch.standardised(patch.x[own], patch.group[own])
            assert (np.abs(rows - batch.rows["image.patch"][j].numpy()).max(1) == 0).any()


def test_pictures_alone_can_be_drawn(activations_path: Path) -> None:
    with open_activations(activations_path) as acts:
        batch = PairSource(acts, "joint", ["image.pooled"], 16, seed=0)(0)
        assert batch.language.tolist() == [-1] * 16
        assert set(batch.rows) == {"image.pooled"}


def test_no_train_pair_is_an_error(activations_path: Path) -> None:
    with open_activations(activations_path) as acts:
        acts.split = np.array(["test"] * len(acts.item_id))
        with pytest.raises(MmfeatError, match="no train item has rows of all of"):
            PairSource(acts, "joint", ["image.pooled", "text.pooled"], 16, seed=0)
