from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from mmfeat import hdf5
from mmfeat.errors import MmfeatError
from mmfeat.progress import SILENT
from mmfeat.store.activations import open_activations
from mmfeat.store.writer import Layout, Parts, Tables, assemble, changes
from tests.unit.store.small import Driver, save_corpus, save_model

GRIDS = {0: (2, 3), 1: (1, 4), 3: (2, 2)}  # item 2 has no picture


def layout() -> Layout:
    widths = {("vision.blocks.1", "image.patch"): 3, ("joint", "text.token"): 2}
    return Layout(widths, "float32", np.array([True, True, False, True]), 2)


def arrays(items: range) -> dict[str, np.ndarray]:
    """What a forward pass gives for some items: rows numbered by item and position."""
    patches = [(item, at) for item in items if item in GRIDS for at in range(np.prod(GRIDS[item]))]
    item, position = np.array(patches, int).reshape(-1, 2).T
    none = np.full(len(item), -1)
    prefix = "vision.blocks.1/image.patch"
    found = {
        f"{prefix}/x": np.stack([item, position, item * 0 + 1], 1).astype(np.float32),
        f"{prefix}/item": item,
        f"{prefix}/caption": none,
        f"{prefix}/language": none,
        f"{prefix}/position": position,
        f"{prefix}/grid_item": np.array([i for i in items if i in GRIDS], np.int32),
        f"{prefix}/grid": np.array([GRIDS[i] for i in items if i in GRIDS]).reshape(-1, 2),
    }
    own = np.array(items)
    columns = {"x": np.stack([own, own], 1).astype(np.float32), "item": own, "caption": own}
    columns |= {"language": own % 2, "position": own * 0, "start": own * 0, "end": own * 0 + 1}
    return found | {f"joint/text.token/{name}": values for name, values in columns.items()}


def write(path: Path, items: list[range]) -> dict[str, int]:
    parts = Parts(path, "{}")
    for own in items:
        parts.commit(f"{own.start}", arrays(own), [], layout())
    texts = ["a", "b", "c", "d"]
    split = ["train", "train", "test", "train"]
    tables = Tables(
        texts, texts, split, texts, np.arange(4), np.arange(4) % 2, ["en", "ko"], "digest"
    )
    return assemble(
        path, tables, layout(), parts, [f"{own.start}" for own in items],
        attributes={"backbone": "b", "corpus_path": "c"}, provenance="{}", progress=SILENT,
    )  # fmt: skip


def test_pictures_of_several_grids_each_keep_theirs(tmp_path: Path) -> None:
    rows = write(tmp_path / "a.h5", [range(0, 2), range(2, 3), range(3, 4)])
    assert rows == {"vision.blocks.1/image.patch": 14, "joint/text.token": 4}
    with open_activations(tmp_path / "a.h5") as acts:
        patches = acts.stream("vision.blocks.1", "image.patch")
        assert patches.grid is None
        assert [patches.grid_of(item) for item in range(4)] == [(2, 3), (1, 4), None, (2, 2)]
        assert patches.item.tolist() == [0] * 6 + [1] * 4 + [3] * 4
        assert patches.x[6].tolist() == [1, 0, 1]
        assert acts.stream("joint", "text.token").grid_of(0) is None


def test_pictures_of_one_grid_share_an_attribute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{__name__}.GRIDS", {0: (2, 3), 3: (2, 3)})
    write(tmp_path / "a.h5", [range(0, 4)])
    with open_activations(tmp_path / "a.h5") as acts:
        patches = acts.stream("vision.blocks.1", "image.patch")
        assert patches.grid == patches.grid_of(0) == (2, 3)
        with hdf5.open_checked(acts.path, "mmfeat-activations") as file:
            assert "grids" not in file["hooks/vision.blocks.1/image.patch"]


def test_parts_of_nothing_are_begun_anew_with_other_settings(tmp_path: Path) -> None:
    out = tmp_path / "a.h5"
    Parts(out, record(dtype="float16"))
    parts = Parts(out, record(dtype="float32"))
    parts.commit("0", arrays(range(2)), ["item x: is missing"], layout())
    assert "0" in Parts(out, record(dtype="float32"))
    assert parts.skipped(["0"]) == ["item x: is missing"]
    with pytest.raises(MmfeatError, match=r"parts of another extraction \(dtype was float32 and "):
        Parts(out, record(dtype="float16"))
    assert "0" in parts


def record(**settings: object) -> str:
    inputs = {"corpus": {"name": "c.h5", "sha256": "1"}}
    return json.dumps({"settings": settings, "versions": {"torch": "2"}, "inputs": inputs})


def test_what_changed_is_named() -> None:
    before = json.loads(record(dtype="float16", seed=0))
    now = json.loads(record(dtype="float16", seed=1))
    now["versions"]["torch"] = "3"
    now["inputs"]["corpus"]["sha256"] = "2"
    now["inputs"]["backbone"] = {"name": "m", "sha256": "4"}
    assert changes(json.dumps(before), json.dumps(now)) == (
        "the content of the corpus changed; the content of the backbone changed; "
        "seed was 0 and is 1; torch was 2 and is 3"
    )
    assert changes("nonsense", json.dumps(now)) == "it does not say which"


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    folder = tmp_path_factory.mktemp("refusals")
    made = Driver(save_corpus(folder / "corpus", 24), save_model(folder / "model"))
    yield made
    made.close()


@pytest.mark.skipif(os.name != "posix", reason="fork is POSIX")
@pytest.mark.parametrize("what", ["corpus", "backbone"])
def test_a_corpus_or_model_that_changed_loses_no_parts(
    driver: Driver, tmp_path: Path, what: str
) -> None:
    out = tmp_path / "acts.h5"
    parts = tmp_path / ".acts.h5.parts"
    driver.extract(out, processes=2, lost=0)  # leaves the parts of the process that was lost
    kept = {path: path.read_bytes() for path in parts.iterdir()}
    assert len(kept) > 2
    folder = driver.corpus.parent if what == "corpus" else Path(driver.spec.split(":")[-1])
    saved = tmp_path / "saved"
    shutil.copytree(folder, saved)
    try:
        if what == "corpus":
            save_corpus(folder, 24, shift=1)
        else:
            save_model(folder, seed=1)
        found = driver.extract(out)
    finally:
        shutil.copytree(saved, folder, dirs_exist_ok=True)
    assert (
        f"(the content of the {what} changed); delete that folder to begin anew, or give"
        in (found["error"])
    )
    assert str(parts) in found["error"]
    assert {path: path.read_bytes() for path in parts.iterdir()} == kept
    assert "error" not in driver.extract(out)
    assert not parts.exists()
