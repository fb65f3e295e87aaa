from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mmfeat.errors import MmfeatError
from mmfeat.sae.settings import BatchSettings
from mmfeat.store.activations import Activations, open_activations
from mmfeat.store.pairs import PairSource
from mmfeat.training import standardisations


def source(
    acts: Activations, streams: list[str], size: int, seed: int, **changes: object
) -> PairSource:
    stats = standardisations(acts, "joint", "stream", streams)
    settings = BatchSettings(size=size, **changes)
    return PairSource(acts, "joint", {name: stats[name] for name in streams}, settings, seed)


def test_a_pair_is_a_train_caption_and_its_own_picture(activations_path: Path) -> None:
    with open_activations(activations_path) as acts:
        pairs = source(acts, ["image.pooled", "text.pooled"], 64, seed=3)
        image, text = acts.stream("joint", "image.pooled"), acts.stream("joint", "text.pooled")
        every_image = image.standardised(image.x[:], image.group)
        every_text = text.standardised(text.x[:], text.group)
        batch = pairs(5)
        for j in range(64):
            item, language = int(batch.item[j]), int(batch.language["text.pooled"][j])
            assert acts.split[item] == "train"
            np.testing.assert_array_equal(batch.rows["image.pooled"][j], every_image[item])
            row = np.flatnonzero((text.item == item) & (text.language == language))
            np.testing.assert_array_equal(batch.rows["text.pooled"][j], every_text[row[0]])


def test_languages_are_drawn_in_equal_shares(activations_path: Path) -> None:
    with open_activations(activations_path) as acts:
        pairs = source(acts, ["image.pooled", "text.pooled"], 500, seed=0)
        counts = np.bincount(
            np.concatenate([pairs(s).language["text.pooled"].numpy() for s in range(20)])
        )
    assert len(counts) == 14
    # 10,000 draws over 14: 714 each, standard deviation 26.
    assert abs(counts - 10_000 / 14).max() < 5 * 26


def test_the_batch_depends_on_seed_and_step_alone(activations_path: Path) -> None:
    with open_activations(activations_path) as acts:
        streams = ["image.pooled", "text.pooled"]
        first, second = (source(acts, streams, 32, seed=1) for _ in range(2))
        second(0)
        assert first(4).item.tolist() == second(4).item.tolist()
        assert first(4).item.tolist() != first(5).item.tolist()
        other = source(acts, streams, 32, seed=2)
        assert first(4).item.tolist() != other(4).item.tolist()


def test_patches_and_tokens_are_drawn_within_the_pair(activations_path: Path) -> None:
    with open_activations(activations_path) as acts:
        pairs = source(acts, ["image.patch", "text.token"], 40, seed=0)
        patch = acts.stream("joint", "image.patch")
        batch = pairs(0)
        for j in range(40):
            own = np.flatnonzero(patch.item == int(batch.item[j]))
            rows = patch.standardised(patch.x[own], patch.group[own])
            assert (np.abs(rows - batch.rows["image.patch"][j].numpy()).max(1) == 0).any()


def test_pictures_alone_can_be_drawn(activations_path: Path) -> None:
    with open_activations(activations_path) as acts:
        batch = source(acts, ["image.pooled"], 16, seed=0)(0)
        assert batch.language["image.pooled"].tolist() == [-1] * 16
        assert set(batch.rows) == {"image.pooled"}


def test_no_train_pair_is_an_error(activations_path: Path) -> None:
    with open_activations(activations_path) as acts:
        acts.split = np.array(["test"] * len(acts.item_id))
        with pytest.raises(MmfeatError, match="no train item has rows of all of"):
            source(acts, ["image.pooled", "text.pooled"], 16, seed=0)


def test_a_second_caption_is_of_the_same_item_in_another_language(activations_path: Path) -> None:
    with open_activations(activations_path) as acts:
        streams = ["image.pooled", "text.pooled"]
        batch = source(acts, streams, 200, seed=0, second_caption=True)(3)
        text = acts.stream("joint", "text.pooled")
        every = text.standardised(text.x[:], text.group)
        assert set(batch.rows) == {"image.pooled", "text.pooled", "text.pooled/2"}
        second = batch.language["text.pooled/2"]
        assert (second != batch.language["text.pooled"]).all()
        for j in range(200):
            here = (text.item == int(batch.item[j])) & (text.language == int(second[j]))
            np.testing.assert_array_equal(batch.rows["text.pooled/2"][j], every[here][0])
        # Both modalities count alike, and a row 1 on average.
        totals = {view: float(weight.sum()) for view, weight in batch.weight.items()}
        assert totals["image.pooled"] == pytest.approx(300, rel=1e-5)
        assert totals["text.pooled"] + totals["text.pooled/2"] == pytest.approx(300)


def uneven(folder: Path) -> Path:
    """Four train items: the first with captions in three languages, the others in one."""
    from mmfeat import hdf5
    from mmfeat.store.activations import KIND

    path = folder / "uneven.h5"
    captions = [(0, 0), (0, 1), (0, 2), (1, 0), (2, 0), (3, 1)]
    rng = np.random.default_rng(0)
    with hdf5.create(path, KIND, "{}") as file:
        items, table = file.create_group("items"), file.create_group("captions")
        hdf5.write_strings(items, "item_id", ["a", "b", "c", "d"])
        hdf5.write_strings(items, "concept", ["one", "one", "one", "other"])
        hdf5.write_strings(items, "split", ["train"] * 4)
        hdf5.write_strings(items, "picture", ["a", "b", "c", "d"])
        table["item"] = np.array([item for item, _ in captions], np.int32)
        table["language"] = np.array([language for _, language in captions], np.int16)
        hdf5.write_strings(file, "languages", ["en", "ko", "ru"])
        file.attrs.update(backbone="b", corpus_path="c", corpus_digest="d")
        for name, n, groups in (("image.pooled", 4, 1), ("text.pooled", 6, 3)):
            node = file.create_group(f"hooks/joint/{name}")
            node["x"] = rng.normal(size=(n, 5)).astype(np.float32)
            text = name.startswith("text")
            node["item"] = np.array([i for i, _ in captions] if text else range(4), np.int32)
            node["caption"] = np.arange(n, dtype=np.int32) if text else np.full(n, -1, np.int32)
            node["language"] = np.array([t for _, t in captions] if text else [-1] * 4, np.int16)
            node["position"] = np.full(n, -1, np.int16)
            node["mean"] = np.zeros((groups, 5), np.float32)
            node["scale"] = np.ones(groups, np.float32)
    return path


def test_a_picture_counts_alike_however_many_languages_name_it(tmp_path: Path) -> None:
    with open_activations(uneven(tmp_path)) as acts:
        pairs = source(acts, ["image.pooled", "text.pooled"], 1000, seed=0)
        total = np.zeros(4)
        for step in range(20):
            batch = pairs(step)
            np.add.at(total, batch.item.numpy(), batch.weight["image.pooled"].numpy())
    # 20,000 draws, 5,000 an item; the rarest is drawn 2,222 times with weight 2.25.
    np.testing.assert_allclose(total, 5000, rtol=0.08)


def test_concepts_can_be_drawn_alike(tmp_path: Path) -> None:
    with open_activations(uneven(tmp_path)) as acts:
        pairs = source(acts, ["image.pooled"], 1000, seed=0, concept_balance=1.0)
        drawn = np.bincount(np.concatenate([pairs(s).item.numpy() for s in range(20)]))
    np.testing.assert_allclose(drawn, [20_000 / 6] * 3 + [10_000], rtol=0.06)


def test_an_item_with_captions_in_one_language_makes_no_pair_of_captions(tmp_path: Path) -> None:
    with open_activations(uneven(tmp_path)) as acts:
        batch = source(acts, ["image.pooled", "text.pooled"], 300, seed=0, second_caption=True)(0)
    alone = batch.item != 0
    assert (batch.weight["text.pooled/2"][alone] == 0).all()
    assert (batch.weight["text.pooled/2"][~alone] == 0.75).all()
    np.testing.assert_allclose(batch.weight["text.pooled"][alone], 1.5)


def test_one_scale_for_all_streams_gives_a_mean_squared_norm_of_d_in(
    activations_path: Path,
) -> None:
    with open_activations(activations_path) as acts:
        streams = ["image.pooled", "text.pooled"]
        stats = standardisations(acts, "joint", "scalar", streams)
        norms = []
        for name in streams:
            stream = acts.stream("joint", name)
            assert (stats[name].mean == 0).all()
            rows = stats[name].apply(stream.x[:], stream.group).astype(np.float64)
            train = acts.is_train[stream.item]
            groups = stream.group[train]
            squares = (rows[train] ** 2).sum(1)
            norms.append(np.mean([squares[groups == g].mean() for g in np.unique(groups)]))
        scales = np.concatenate([stats[name].scale for name in streams])
        assert (scales == scales[0]).all()
        assert np.mean(norms) == pytest.approx(stream.d, rel=1e-4)


def reordered(source_path: Path, path: Path, order: np.ndarray) -> Path:
    """A copy whose captions, and the rows of text, stand in another order."""
    import shutil

    import h5py

    shutil.copy(source_path, path)
    with h5py.File(path, "r+") as file:
        for name in ("item", "language"):
            file["captions"][name][:] = file["captions"][name][:][order]
        text = file["hooks/joint/text.pooled"]
        rows = order  # every caption has one row, in its order
        assert (text["caption"][:] == np.arange(len(rows))).all()
        for name in ("x", "item", "language"):
            text[name][:] = text[name][:][rows]
    return path


def test_a_file_sorted_by_language_trains_like_a_shuffled_one(
    tmp_path: Path, activations_path: Path
) -> None:
    from mmfeat.training import recipe, train

    with open_activations(activations_path) as acts:
        language = acts.caption_language
    rng = np.random.default_rng(0)
    orders = {"sorted": np.argsort(language, kind="stable")}
    orders |= {f"shuffled {i}": rng.permutation(len(language)) for i in range(3)}
    settings = recipe(
        "naive-topk",
        {"sae.d_sae": 96, "sae.k": 8, "optimiser.steps": 300, "batch.size": 256},
    )
    fvu = {}
    for name, order in orders.items():
        copy = reordered(activations_path, tmp_path / f"{name}.h5", order)
        result = train(copy, tmp_path / name, settings)
        fvu[name] = result["fvu_mean"]["text.pooled"]
    apart = [fvu[name] for name in fvu if name != "sorted"]
    # As near to the shuffled ones as these are to each other, four standard deviations at most.
    assert abs(fvu["sorted"] - np.mean(apart)) < 4 * max(np.std(apart), 0.003)
