from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from mmfeat.analysis.splitting import Node
from mmfeat.atlas.comparison_reader import KIND
from mmfeat.atlas.reader import Atlas
from mmfeat.errors import MmfeatError
from mmfeat.figures.companions import Companions, walk
from mmfeat.figures.pages import feature_page
from mmfeat.figures.parallel import feature_on_item, parallel_items
from mmfeat.figures.sections import EXPLANATIONS, Sections
from mmfeat.hdf5 import VERSION


@pytest.fixture(scope="module")
def atlas(atlas_path: Path) -> Iterator[Atlas]:
    with Atlas(atlas_path) as opened:
        yield opened


@pytest.fixture(scope="module")
def file(atlas_path: Path) -> Iterator[h5py.File]:
    with h5py.File(atlas_path, "r") as opened:
        yield opened


@pytest.fixture(scope="module")
def sections(atlas: Atlas) -> Sections:
    return Sections(atlas)


@pytest.fixture(scope="module")
def busy(file: h5py.File) -> int:
    languages = (file["features/by_language/firing_rate"][:] > 0).sum(1)
    return int((languages + file["features/firing_rate_image"][:]).argmax())


def codes(file: h5py.File, stream: str, feature: int) -> dict[int, float]:
    """Return what a feature does on the rows of a stream, from the codes by row."""
    group = file[f"codes/{stream}/by_row"]
    row = np.repeat(np.arange(len(group["indptr"]) - 1), np.diff(group["indptr"][:]))
    own = group["indices"][:] == feature
    values = group["data"][:][own].astype(float).tolist()
    return dict(zip(row[own].tolist(), values, strict=True))


def test_activations_are_counted_by_column(sections: Sections, file: h5py.File, busy: int) -> None:
    shown = sections.activations(busy)
    pictures, *others = shown.columns
    fired = codes(file, "image.pooled", busy)
    assert pictures.language == "" and pictures.firing == len(fired)
    assert pictures.rows == len(file["codes/image.pooled/rows/item"])
    assert pictures.median == pytest.approx(float(np.median(list(fired.values()))))
    language = file["codes/text.pooled/rows/language"][:]
    texts = codes(file, "text.pooled", busy)
    tags = file["languages"].asstr()[:].tolist()
    assert [one.language for one in others] == tags
    assert shown.highest == pytest.approx(max([*fired.values(), *texts.values()]))
    for one in others:
        own = [v for row, v in texts.items() if language[row] == tags.index(one.language)]
        assert one.firing == one.counts.sum() == len(own)


def test_every_number_has_an_explanation(sections: Sections, busy: int) -> None:
    numbers = [*sections.consistency(busy).numbers, *sections.meaning(busy).numbers]
    assert {one.key for one in numbers} <= set(EXPLANATIONS)
    assert all(one.label and one.text and one.explanation for one in numbers)


def test_consistency_has_the_numbers_of_the_file(
    sections: Sections, file: h5py.File, busy: int
) -> None:
    shown = sections.consistency(busy)
    numbers = {one.key: one for one in shown.numbers}
    passed, pairs = (int(file[f"by_pair/{n}"][busy]) for n in ("n_consistent", "n_pairs"))
    assert numbers["consistent_pairs"].text == f"{passed} / {pairs}"
    assert numbers["mean_jaccard"].value == pytest.approx(float(file["by_pair/mean_jaccard"][busy]))
    lower = file["by_pair/lower"][busy]
    assert shown.pairs.effect[1, 2] == pytest.approx(float(lower[0]), nan_ok=True)
    effect = file["features/by_language/effect"][busy]
    np.testing.assert_allclose(shown.pairs.effect[0, 1:], effect)


def test_labels_are_those_whose_feature_it_is(
    sections: Sections, file: h5py.File, atlas: Atlas
) -> None:
    feature = file["concepts/completeness/feature"][:]
    chosen = int(np.bincount(feature[feature >= 0]).argmax())
    found = sections.meaning(chosen).labels
    assert len(found) == (feature == chosen).sum()
    value = file["concepts/labels/value"].asstr()[:]
    columns = ["image", *atlas.languages]
    f1 = file["concepts/completeness/f1"][:]
    expected = sorted(
        (value[label], columns[at], float(f1[label, at]))
        for label, at in np.argwhere(feature == chosen).tolist()
    )
    assert sorted((one.value, one.column, one.f1) for one in found) == expected


def test_sections_of_features_that_are_not_there_are_refused(
    sections: Sections, atlas: Atlas
) -> None:
    for read in (sections.activations, sections.consistency):
        with pytest.raises(MmfeatError, match="no feature"):
            read(atlas.d_sae)


def test_sections_are_read_without_torch(atlas_path: Path) -> None:
    code = (
        "import sys; from mmfeat.atlas.reader import Atlas; "
        "from mmfeat.figures.sections import Sections; "
        "from mmfeat.figures.companions import Companions; "
        "a = Atlas(sys.argv[1]); s = Sections(a); "
        "[r(0) for r in (s.activations, s.consistency, s.bridge, s.names, s.meaning)]; "
        "Companions(a).chains; Companions(a).probes(0); sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(atlas_path)], check=True)


# Captions side by side -----------------------------------------------------------------


def test_parallel_items_have_all_their_captions(atlas: Atlas, file: h5py.File, busy: int) -> None:
    items = parallel_items(atlas, busy, 4)
    assert 0 < len(items) <= 4
    owner, text = file["captions/item"][:], file["captions/text"].asstr()[:]
    row_of = {c: row for row, c in enumerate(file["codes/text.pooled/rows/caption"][:].tolist())}
    fired = codes(file, "text.pooled", busy)
    for own in items:
        shown = [one for captions in own.captions.values() for one in captions]
        expected = np.flatnonzero(owner == own.picture.item).tolist()
        assert sorted(one.caption for one in shown) == expected
        for one in shown:
            assert one.text == text[one.caption]
            expected_value = fired.get(row_of[one.caption], 0.0)
            assert one.activation == pytest.approx(expected_value, rel=1e-3)
        picture = codes(file, "image.pooled", busy)
        rows = np.flatnonzero(file["codes/image.pooled/rows/item"][:] == own.picture.item)
        assert own.picture.activation == pytest.approx(
            max((picture.get(int(row), 0.0) for row in rows), default=0.0), rel=1e-3
        )


def test_a_feature_on_an_item_is_read_from_its_rows(
    atlas: Atlas, file: h5py.File, busy: int
) -> None:
    item = parallel_items(atlas, busy, 1)[0].picture.item
    found = feature_on_item(atlas, busy, item)
    assert found.picture.patch_map is not None
    assert found.largest_patch == pytest.approx(max(codes(file, "image.patch", busy).values()))
    rows = file["codes/image.patch/rows/item"][:] == item
    position = file["codes/image.patch/rows/position"][:]
    fired = codes(file, "image.patch", busy)
    expected = np.zeros(found.picture.patch_map.size)
    for row in np.flatnonzero(rows).tolist():
        expected[position[row]] = fired.get(row, 0.0)
    np.testing.assert_allclose(found.picture.patch_map.ravel(), expected, rtol=1e-3)
    owner = file["captions/item"][:]
    assert set(found.captions) == set(np.flatnonzero(owner == item).tolist())


# Files beside an atlas -----------------------------------------------------------------


def report(digest: str, feature: int) -> dict[str, object]:
    one = {
        "feature": feature,
        "score": 0.9,
        "auroc": {"en": 0.8, "ko": None},
        "auroc_image": 10**400,
        "p": 0.01,
        "q": None,
        "causal": {"above_controls": 0.5},
    }
    odd = {"category": "odd", "features": "none"}
    own = {"category": "birds", "description": "Birds.", "features": [{"feature": -1}, one]}
    return {"digest": digest, "categories": [odd, own, 3]}


def test_probe_reports_are_known_by_the_digest(atlas_path: Path, tmp_path: Path) -> None:
    beside = tmp_path / "atlas.h5"
    beside.symlink_to(atlas_path)
    with Atlas(beside) as atlas:
        assert not Companions(atlas).probed
        (tmp_path / "broken.json").write_text("{")
        (tmp_path / "other.json").write_text(json.dumps(report("else", 5)))
        (tmp_path / "probe.json").write_text(json.dumps(report(atlas.digest, 5)))
        companions = Companions(atlas)
        assert companions.probed and companions.probes(4) == []
        (found,) = companions.probes(5)
    assert (found.category, found.rank, found.score) == ("birds", 2, 0.9)
    assert found.auroc == {"en": 0.8, "ko": None}
    assert found.image is None and found.q is None and found.above_controls == 0.5


def write_comparison(path: Path, digests: list[str], sizes: list[int]) -> None:
    """Write what a comparison says of one chain, in which every second feature splits."""
    with h5py.File(path, "w") as file:
        file.attrs["encoding-type"], file.attrs["encoding-version"] = KIND, VERSION
        for name, values in (
            ("file", [f"{size}.h5" for size in sizes]),
            ("name", ["x"] * len(sizes)),
            ("backbone", ["b"] * len(sizes)),
            ("hook", ["joint"] * len(sizes)),
            ("digest", digests),
        ):
            file[f"atlases/{name}"] = np.array(values, h5py.string_dtype())
        file["atlases/d_sae"] = np.array(sizes, np.int64)
        file["chains/0/atlas"] = np.arange(len(sizes), dtype=np.int32)
        for level in range(1, len(sizes)):
            parent = np.arange(sizes[level]) % sizes[level - 1]
            file[f"chains/0/{level}/parent"] = parent.astype(np.int32)
            for name in ("cosine", "contained"):
                file[f"chains/0/{level}/{name}"] = np.full(sizes[level], 0.75, np.float32)


def test_comparisons_are_known_by_the_digest(atlas_path: Path, tmp_path: Path) -> None:
    beside = tmp_path / "atlas.h5"
    beside.symlink_to(atlas_path)
    with Atlas(beside) as atlas:
        write_comparison(tmp_path / "other.h5", ["p", "q"], [2, 4])
        write_comparison(
            tmp_path / "own.h5", ["p", atlas.digest, "q"], [2, atlas.d_sae, 2 * atlas.d_sae]
        )
        companions = Companions(atlas)
        (chain,) = companions.chains
        assert (chain.path.name, chain.level) == ("own.h5", 1)
        tree = chain.tree(3)
        assert (tree.level, tree.feature) == (0, 1)
        own = [one for one in walk(tree) if one.level == 1 and one.feature == 3]
        assert [child.feature for child in own[0].children] == [3, 3 + atlas.d_sae]
        titles = companions.titles(chain, tree)
        assert titles[1, 3] == feature_page(atlas, 3, bands=False).title
        assert all(level == 1 for level, _ in titles)  # the others do not lie there


def test_a_tree_is_walked_from_its_root() -> None:
    leaf = Node(2, 7, 0.9, 1.0, ())
    tree = Node(0, 1, 0.0, 0.0, (Node(1, 3, 0.8, 1.0, (leaf,)), Node(1, 4, 0.7, 1.0, ())))
    assert [(one.level, one.feature) for one in walk(tree)] == [(0, 1), (1, 3), (2, 7), (1, 4)]
