from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mmfeat.errors import MmfeatError
from mmfeat.sae.settings import BatchSettings
from mmfeat.store.activations import Activations, open_activations
from mmfeat.store.pairs import PairSource
from mmfeat.store.pool import Pool
from mmfeat.training import recipe, standardisations, train

STREAMS = ["image.pooled", "text.pooled"]


def source(acts: Activations, streams: list[str], **changes: object) -> PairSource:
    stats = standardisations(acts, "joint", "stream", streams)
    settings = BatchSettings(**changes)
    return PairSource(acts, "joint", {name: stats[name] for name in streams}, settings, 0)


def bounds_of(acts: Activations, name: str) -> np.ndarray:
    items = np.arange(len(acts.item_id) + 1)
    return np.searchsorted(acts.stream("joint", name).item, items)


def test_what_is_held_are_the_rows_of_the_file(activations_path: Path) -> None:
    with open_activations(activations_path) as acts:
        streams = [acts.stream("joint", name) for name in ("image.patch", "text.token")]
        bounds = {stream.name: bounds_of(acts, stream.name) for stream in streams}
        held = Pool(streams, bounds, size=100, steps=1, seed=0).at(3)
        for stream in streams:
            own = [i for a, b in held.items.tolist() for i in range(a, b)]
            index = np.flatnonzero(np.isin(stream.item, own))
            assert len(index) == len(held.x[stream.name]) > 100
            shuffled = np.random.default_rng(0).permutation(index)
            np.testing.assert_array_equal(held.rows(stream.name, shuffled), stream.x[shuffled])


def test_every_item_is_held_once_in_a_pass(activations_path: Path) -> None:
    with open_activations(activations_path) as acts:
        streams = [acts.stream("joint", "image.pooled")]
        bounds = {"image.pooled": bounds_of(acts, "image.pooled")}
        pool = Pool(streams, bounds, size=64, steps=1, seed=0)
        n = len(acts.item_id)
        passes = -(-n // 64)
        seen = [i for t in range(passes) for a, b in pool.items(t).tolist() for i in range(a, b)]
        assert sorted(seen) == list(range(n))
        again = [i for a, b in pool.items(passes).tolist() for i in range(a, b)]
        assert again != seen[: len(again)]


def test_a_batch_comes_from_the_items_that_are_held(activations_path: Path) -> None:
    with open_activations(activations_path) as acts:
        pairs = source(acts, STREAMS, size=40, pool=80)
        image, text = (acts.stream("joint", name) for name in STREAMS)
        every_image = image.standardised(image.x[:], image.group)
        every_text = text.standardised(text.x[:], text.group)
        for step in (0, 1, 7):
            held = {i for a, b in pairs.pool.at(step).items.tolist() for i in range(a, b)}
            assert 60 < len(held) <= 80
            batch = pairs(step)
            for j in range(40):
                item, language = int(batch.item[j]), int(batch.language["text.pooled"][j])
                assert item in held
                assert acts.split[item] == "train"
                np.testing.assert_array_equal(batch.rows["image.pooled"][j], every_image[item])
                row = np.flatnonzero((text.item == item) & (text.language == language))
                np.testing.assert_array_equal(batch.rows["text.pooled"][j], every_text[row[0]])


def test_the_batch_of_a_step_is_the_same_from_wherever_a_training_goes_on(
    activations_path: Path,
) -> None:
    with open_activations(activations_path) as acts:
        first = source(acts, STREAMS, size=200, pool=64)
        steps = first.pool.steps
        wanted = 3 * steps + 1
        batches = [first(step).item.tolist() for step in range(wanted + 1)]
        assert source(acts, STREAMS, size=200, pool=64)(wanted).item.tolist() == batches[wanted]
        assert set(batches[0]) != set(batches[steps])


def test_a_pool_of_all_items_draws_what_the_whole_file_does(activations_path: Path) -> None:
    with open_activations(activations_path) as acts:
        whole, pooled = source(acts, STREAMS), source(acts, STREAMS, pool=len(acts.item_id))
        for step in (0, 100):
            assert whole(step).item.tolist() == pooled(step).item.tolist()
            assert whole(step).rows["text.pooled"].equal(pooled(step).rows["text.pooled"])


def test_a_third_of_the_items_at_a_time_trains_nearly_like_the_whole_file(
    activations_path: Path, tmp_path: Path
) -> None:
    changes = {"sae.d_sae": 96, "sae.k": 8, "optimiser.steps": 300, "batch.size": 256}
    fvu = {}
    for pool in (0, 384):
        settings = recipe("naive-topk", {**changes, "batch.pool": pool})
        result = train(activations_path, tmp_path / str(pool), settings)
        fvu[pool] = result["fvu_mean"]["text.pooled"]
    # The last items that are held count for more in a training of so few steps.
    assert fvu[384] < 1.1 * fvu[0]


def test_captions_that_do_not_follow_their_items_are_refused(activations_path: Path) -> None:
    with open_activations(activations_path) as acts:
        plain = acts.stream

        def turned(hook: str, name: str):
            stream = plain(hook, name)
            stream.item = stream.item[::-1]
            return stream

        acts.stream = turned  # type: ignore[method-assign]
        with pytest.raises(MmfeatError, match=r"batch\.pool cannot read them together"):
            source(acts, ["text.pooled"], size=8, pool=16)
