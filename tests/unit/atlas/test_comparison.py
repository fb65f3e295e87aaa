from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import typer

from mmfeat.analysis.matching import random_cosine
from mmfeat.analysis.stability import matched_cosine
from mmfeat.atlas.comparison import CompareSettings, compare
from mmfeat.atlas.comparison_reader import Comparison
from mmfeat.errors import MmfeatError

NO_MAP = CompareSettings(map=None)


@pytest.fixture(scope="module")
def small_path(activations_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An atlas of a third of the features of `atlas_path`."""
    from mmfeat.atlas.build import build_atlas
    from mmfeat.training import recipe, train

    folder = tmp_path_factory.mktemp("small sae")
    settings = {"sae.d_sae": 32, "sae.k": 8, "optimiser.steps": 100, "batch.size": 256}
    train(activations_path, folder / "sae", recipe("naive-topk", settings))
    build_atlas(activations_path, folder / "sae", folder / "small.h5", thumbnails=False)
    return folder / "small.h5"


@pytest.fixture(scope="module")
def comparison(
    small_path: Path, atlas_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, Any], Path]:
    out = tmp_path_factory.mktemp("compared") / "comparison.h5"
    return compare([atlas_path, small_path], out), out


def changed(source: Path, target: Path, **attributes: str) -> Path:
    """A copy of an atlas that counts as another one."""
    shutil.copy(source, target)
    with h5py.File(target, "r+") as file:
        file.attrs["content-digest"] = "another"
        for name, value in attributes.items():
            file.attrs[name] = value
    return target


def dense(file: h5py.File) -> np.ndarray:
    """Codes of pooled rows, pictures first."""
    parts = []
    for stream in ("image.pooled", "text.pooled"):
        group = file[f"codes/{stream}/by_row"]
        indptr = group["indptr"][:]
        codes = np.zeros((len(indptr) - 1, int(file.attrs["d_sae"])))
        row = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
        codes[row, group["indices"][:]] = group["data"][:]
        parts.append(codes)
    return np.concatenate(parts)


def train_rows(file: h5py.File) -> np.ndarray:
    item = [file[f"codes/{s}/rows/item"][:] for s in ("image.pooled", "text.pooled")]
    return (file["items/split"].asstr()[:] == "train")[np.concatenate(item)]


def test_matches_equal_those_of_dense_codes_and_decoders(
    comparison: tuple[dict[str, Any], Path], atlas_path: Path, small_path: Path
) -> None:
    result, out = comparison
    with h5py.File(atlas_path) as a, h5py.File(small_path) as b:
        codes = dense(a), dense(b)
        decoders = [file["sae/decoder"][:].astype(np.float64) for file in (a, b)]
        alive = [
            np.flatnonzero((z[train_rows(file)] > 0).sum(0) >= 5)
            for z, file in zip(codes, (a, b), strict=True)
        ]
        items = len(a["items/item_id"])
    unit = [w / np.linalg.norm(w, axis=1, keepdims=True) for w in decoders]
    with np.errstate(invalid="ignore"):
        correlation = np.corrcoef(codes[0].T, codes[1].T)[:96, 96:]
    tables = {"cosine": unit[0] @ unit[1].T, "correlation": correlation}
    (pair,) = result["pairs"]
    assert pair["rows"] == len(codes[0])
    assert pair["items"] == items
    with Comparison(out) as read:
        assert [own.d_sae for own in read.atlases] == [96, 32]
        assert read.common(0, 1) == (pair["rows"], items)
        for number in (0, 1):
            assert np.flatnonzero(read.alive(number)).tolist() == alive[number].tolist()
        for by, table in tables.items():
            found = read.partners(0, 1, by)
            assert found is not None
            m = found.matching
            own = table[np.ix_(alive[0], alive[1])]
            np.testing.assert_allclose(m.value, table[m.a, m.b], atol=1e-4)
            assert len(m.value) == min(map(len, alive))
            for nearest, sub, (mine, other) in (
                (m.nearest_a, own, alive),
                (m.nearest_b, own.T, alive[::-1]),
            ):
                np.testing.assert_allclose(nearest.value[mine, 0], sub.max(1), atol=1e-4)
                assert set(nearest.index[mine, 0]) <= set(other)
                dead = np.setdiff1d(np.arange(len(nearest.index)), mine)
                assert (nearest.index[dead] == -1).all()
            expected = own.max(1) < np.maximum(found.bar, m.nearest_a.chance[alive[0]])
            assert found.unique_a[alive[0]].tolist() == expected.tolist()
            assert found.unique_a.sum() == pair[by]["unique_a"] == expected.sum()
            assert pair[by]["stability"] == pytest.approx(m.value.mean())
        cosine = read.partners(0, 1, "cosine")
        assert cosine is not None
        chance = random_cosine(len(alive[1]), 192)
        assert cosine.matching.nearest_a.chance[alive[0]] == pytest.approx(chance)
        best = matched_cosine(decoders[0][alive[0]], decoders[1][alive[1]])
        assert pair["cosine"]["stability"] == pytest.approx(best, abs=1e-5)


def test_features_of_the_larger_sae_come_from_those_of_the_smaller(
    comparison: tuple[dict[str, Any], Path], atlas_path: Path, small_path: Path
) -> None:
    result, out = comparison
    with h5py.File(atlas_path) as a, h5py.File(small_path) as b:
        young, old = dense(a) > 0, dense(b) > 0
    with Comparison(out) as read:
        assert read.chains == ((1, 0),)  # ascending, not as given
        (step,) = read.steps(0)
        assert step.parent.shape == (96,)
        cosine = read.partners(0, 1, "cosine")
        assert cosine is not None
        nearest = cosine.matching.nearest_a
        for feature in np.flatnonzero(read.alive(0)):
            parent = nearest.index[feature, 0]
            contained = old[young[:, feature], parent].mean()
            assert step.contained[feature] == pytest.approx(contained, abs=1e-6)
            good = nearest.value[feature, 0] >= 0.5 and contained >= 0.5
            assert step.parent[feature] == (parent if good else -1)
        assert (step.parent[~read.alive(0)] == -1).all()
        with_parent = np.flatnonzero(step.parent >= 0)
        assert len(with_parent) > 0
        tree = read.tree(0, 1, int(with_parent[0]))
        assert (tree.level, tree.feature) == (0, step.parent[with_parent[0]])
        assert int(with_parent[0]) in [child.feature for child in tree.children]
    (told,) = result["splitting"]
    assert told["with_parent"] == len(with_parent)
    assert (told["parent"], told["child"]) == ("small.h5", "atlas.h5")


def test_alive_features_of_both_are_on_one_map(comparison: tuple[dict[str, Any], Path]) -> None:
    result, out = comparison
    assert result["maps"] == 1
    with Comparison(out) as read:
        for number in (0, 1):
            places = read.map(number)
            assert places is not None
            assert places.shape == (read.atlases[number].d_sae, 2)
            assert (np.isfinite(places).all(1) == read.alive(number)).all()


def test_only_items_and_captions_with_equal_id_and_text_are_common(
    atlas_path: Path, tmp_path: Path
) -> None:
    other = changed(atlas_path, tmp_path / "other.h5")
    with h5py.File(other, "r+") as file:
        ids = file["items/item_id"].asstr()[:]
        file["items/item_id"][3] = "renamed"
        item = file["captions/item"][:]
        own = np.flatnonzero(item == 5)
        file["captions/text"][own[2]] = "another text"
        per_item = np.bincount(item)
    out = tmp_path / "comparison.h5"
    result = compare([atlas_path, other], out, NO_MAP)
    (pair,) = result["pairs"]
    with Comparison(out) as read:
        total = len(ids) + len(item)
        # Captions of one item with one text count once: they cannot be told apart.
        assert pair["items"] == len(ids) - 1
        assert total - 1 - per_item[3] - 1 >= pair["rows"] >= 0.98 * total - per_item[3]
        found = read.partners(0, 1, "correlation")
        assert found is not None
        assert found.matching.stability == pytest.approx(1, abs=1e-5)
        assert found.matching.a.tolist() == found.matching.b.tolist()
        assert not found.unique_a.any()
        assert read.chains == ()
        assert read.map(0) is None


def test_atlases_of_other_hooks_are_compared_by_their_codes_alone(
    atlas_path: Path, small_path: Path, tmp_path: Path
) -> None:
    other = changed(small_path, tmp_path / "other.h5", hook="vision.blocks.3")
    out = tmp_path / "comparison.h5"
    result = compare([atlas_path, other], out)
    (pair,) = result["pairs"]
    assert pair["cosine"] is None
    assert pair["correlation"]["matched"] > 0
    assert result["splitting"] == []
    assert result["maps"] == 0
    with Comparison(out) as read:
        assert read.partners(0, 1, "cosine") is None
        assert read.partners(0, 1, "correlation") is not None


def test_what_cannot_be_compared_is_said_in_one_sentence(
    atlas_path: Path, small_path: Path, tmp_path: Path
) -> None:
    out = tmp_path / "comparison.h5"
    with pytest.raises(MmfeatError, match="1 atlases were given; give 2 to 256"):
        compare([atlas_path], out)
    with pytest.raises(MmfeatError, match="are the same atlas; give different ones"):
        compare([atlas_path, atlas_path], out)
    apart = changed(small_path, tmp_path / "apart.h5", backbone="other")
    with h5py.File(apart, "r+") as file:
        ids = file["items/item_id"]
        ids[:] = np.array([f"x{i}" for i in range(len(ids))], object)
    with pytest.raises(MmfeatError, match="fewer than two items in common .* build both from one"):
        compare([atlas_path, apart], out)
    # With one hook point the directions can be compared all the same.
    with h5py.File(apart, "r+") as file, h5py.File(atlas_path) as own:
        file.attrs["backbone"] = own.attrs["backbone"]
    (pair,) = compare([atlas_path, apart], out, NO_MAP)["pairs"]
    assert (pair["rows"], pair["items"], pair["correlation"]) == (0, 0, None)
    assert pair["cosine"]["matched"] > 0


@pytest.mark.parametrize(
    ("where", "value", "message"),
    [
        ("chains/0/1/parent", 99, "features that are not among 32"),
        ("pairs/0-1/cosine/nearest_a/index", 40, "features that are not among 32"),
        ("pairs/0-1/cosine/a", -1, "features that are not among 96"),
        ("chains/0/atlas", 0, "no atlases of ascending size"),
    ],
)
def test_a_damaged_comparison_is_refused(
    comparison: tuple[dict[str, Any], Path], tmp_path: Path, where: str, value: int, message: str
) -> None:
    path = tmp_path / "damaged.h5"
    shutil.copy(comparison[1], path)
    with h5py.File(path, "r+") as file:
        file[where][...] = value
    with pytest.raises(MmfeatError, match=message), Comparison(path) as read:
        read.partners(0, 1, "cosine")
        read.steps(0)


def test_an_atlas_is_no_comparison(atlas_path: Path) -> None:
    with pytest.raises(MmfeatError, match="'mmfeat-comparison' is needed here"):
        Comparison(atlas_path)


def test_the_command_prints_a_summary_and_json(
    atlas_path: Path, small_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from mmfeat.cli.common import run
    from mmfeat.cli.compare import compare as command

    app = typer.Typer()
    app.command()(command)
    arguments = [str(atlas_path), str(small_path), "--out", str(tmp_path / "c.h5"), "--no-map"]
    assert run(app, [*arguments, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {"out", "atlases", "pairs", "splitting", "maps"} == set(told)
    assert told["pairs"][0]["cosine"]["bar"] == 0.7
    assert run(app, [*arguments, "--min-cosine", "0.9"]) == 0
    text = capsys.readouterr().out
    assert "atlas.h5: 96 features" in text
    assert "at 0.90 or above; unique:" in text
    assert "small.h5 to atlas.h5:" in text
