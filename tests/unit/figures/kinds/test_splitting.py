from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from mmfeat.atlas.comparison import CompareSettings, compare
from mmfeat.errors import MmfeatError
from mmfeat.figures import again, draw, export
from tests.unit.figures.kinds.drawn import check_pages


@pytest.fixture(scope="module")
def small_path(activations_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An atlas of a sixth of the features of `atlas_path`."""
    from mmfeat.atlas.build import build_atlas
    from mmfeat.training import recipe, train

    folder = tmp_path_factory.mktemp("small sae")
    settings = {"sae.d_sae": 16, "sae.k": 4, "optimiser.steps": 60, "batch.size": 256}
    train(activations_path, folder / "sae", recipe("naive-topk", settings))
    build_atlas(activations_path, folder / "sae", folder / "small.h5", thumbnails=False)
    return folder / "small.h5"


@pytest.fixture(scope="module")
def compared(small_path: Path, atlas_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("compared") / "comparison.h5"
    settings = CompareSettings(map=None, parent_cosine=0.2, parent_contained=0.2)
    compare([atlas_path, small_path], out, settings)
    return out


@pytest.fixture(scope="module")
def children(compared: Path) -> dict[int, list[int]]:
    """Features of the larger SAE by their parent, the nearest first, as plain HDF5 has them."""
    with h5py.File(compared) as file:
        parent = file["chains/0/1/parent"][:]
        cosine = file["chains/0/1/cosine"][:]
    found: dict[int, list[int]] = {}
    for child in np.argsort(-cosine, kind="stable").tolist():
        if parent[child] >= 0:
            found.setdefault(int(parent[child]), []).append(child)
    return found


def test_a_tree_holds_the_children_of_its_root_in_order(
    compared: Path, children: dict[int, list[int]]
) -> None:
    root = max(children, key=lambda feature: len(children[feature]))
    assert len(children[root]) > 1
    figure = draw("splitting", compared, feature=(root,))
    texts = [text for text in figure.texts if text.get_text().startswith("feature ")]
    # The root stands at the left, its children from the top down.
    (left,) = {text.get_text() for text in texts if text.get_position()[0] < 0.1}
    below = [text for text in texts if text.get_position()[0] > 0.1]
    below.sort(key=lambda text: -text.get_position()[1])
    assert left == f"feature {root}"
    assert [text.get_text() for text in below] == [f"feature {own}" for own in children[root]]
    with h5py.File(compared) as file:
        cosine = file["chains/0/1/cosine"][children[root][0]]
        contained = file["chains/0/1/contained"][children[root][0]]
    assert f"{cosine:.2f}, {contained:.0%}" in [text.get_text() for text in figure.texts]


def test_without_a_feature_those_that_split_most_are_drawn(
    compared: Path, children: dict[int, list[int]], tmp_path: Path
) -> None:
    found = export("splitting", compared, tmp_path / "a.svg")
    leaves = {root: max(1, len(children.get(root, []))) for root in range(16)}
    best = sorted(leaves, key=lambda root: (-leaves[root], root))[:3]
    assert found["features"] == best
    assert found["leaves"] == sum(leaves[root] for root in best)
    assert found["sizes"] == [16, 96]


def test_atlases_give_names_and_pictures(
    compared: Path, children: dict[int, list[int]], atlas_path: Path, small_path: Path,
    tmp_path: Path,
) -> None:  # fmt: skip
    root = min(children)
    text = check_pages(
        "splitting", compared, tmp_path, feature=(root,), atlas=(atlas_path, small_path), dpi=50
    )
    with h5py.File(atlas_path) as file:
        english = file["languages"].asstr()[:].tolist().index("en")
        name = file["names/text"].asstr()[children[root][0], english]
        attribution = file.attrs["attribution"]
    assert not name or name.split()[0] in text
    assert attribution in " ".join(text.split())
    total = sum(map(len, children.values()))
    assert f"{total:,} have a parent" in text
    assert "cosine by chance" in text


def test_it_is_made_again_from_all_its_atlases(
    compared: Path, atlas_path: Path, small_path: Path, tmp_path: Path
) -> None:
    out = tmp_path / "tree.png"
    made = export("splitting", compared, out, feature=(1,), atlas=(small_path, atlas_path), dpi=60)
    manifest = json.loads(Path(made["manifest"]).read_text("utf-8"))
    assert [one for one in manifest["inputs"] if one != "source"] == ["atlas[000]", "atlas[001]"]
    assert manifest["inputs"]["atlas[000]"]["name"] == "small.h5"
    assert "--atlas small.h5 --atlas atlas.h5" in manifest["command"]
    assert "atlas" not in manifest["settings"]
    before = out.read_bytes()
    out.unlink()
    again(Path(made["manifest"]))
    assert out.read_bytes() == before


def test_a_recipe_finds_repeated_files_beside_itself(compared: Path, small_path: Path) -> None:
    from mmfeat.figures import recipe

    folder = compared.parent
    (folder / "linked.h5").unlink(missing_ok=True)
    (folder / "linked.h5").symlink_to(small_path)
    (folder / "paper.toml").write_text(
        '[[export]]\nkind = "splitting"\nsource = "comparison.h5"\nout = "t.png"\n'
        'feature = [1]\natlas = ["linked.h5"]\ndpi = 50\n'
    )
    (made,) = recipe(folder / "paper.toml")["files"]
    assert Path(made["out"]) == folder / "t.png"
    assert (folder / "t.png").is_file()


def test_what_cannot_be_drawn_is_refused(
    compared: Path, atlas_path: Path, activations_path: Path, tmp_path: Path
) -> None:
    import shutil

    with pytest.raises(MmfeatError, match="has no feature 16; give one from 0 to 15"):
        draw("splitting", compared, feature=(16,))
    with pytest.raises(MmfeatError, match="has 1 chains .* and no chain 1"):
        draw("splitting", compared, chain=1)
    other = tmp_path / "other.h5"
    shutil.copy(atlas_path, other)
    with h5py.File(other, "r+") as file:
        file.attrs["content-digest"] = "f" * 64
    with pytest.raises(MmfeatError, match=r"other\.h5 is none of the atlases of"):
        draw("splitting", compared, atlas=(other,))
    with pytest.raises(MmfeatError, match="give a larger --width"):
        draw("splitting", compared, width="30mm")
    many = tmp_path / "many.h5"
    shutil.copy(compared, many)
    with h5py.File(many, "r+") as file:
        file["chains/0/1/parent"][:] = 2
    with pytest.raises(MmfeatError, match="have 96 leaves, and 64 can be read"):
        draw("splitting", many, feature=(2,))
    assert draw("splitting", many).texts  # those that can be read
