from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from mmfeat.atlas.checked import CheckedFile
from mmfeat.atlas.reader import Atlas
from mmfeat.errors import MmfeatError
from mmfeat_gui.resources import strings
from mmfeat_gui.state.summary import summarise


def test_an_atlas_is_told_at_a_glance(atlas_path: Path, truth: Any) -> None:
    strings.use("en")
    with Atlas(atlas_path) as atlas:
        summary = summarise(atlas)
    with h5py.File(atlas_path) as file:
        rows = file["sae/decoder"][()].astype("<f4")
    spread = rows[:: len(rows) // 16][:16]
    mark = hashlib.sha256(f"{rows.shape}".encode() + spread.tobytes()).hexdigest()
    assert summary.fingerprint == mark
    assert summary.languages == tuple(truth.languages)
    assert (summary.n_items, summary.n_captions) == (len(truth.item_id), len(truth.caption_text))
    assert len(summary.table) == truth.count and not summary.table.named
    assert np.array_equal(summary.firing_rate, truth.rate)
    assert summary.xy is not None and np.array_equal(summary.xy, truth.xy)
    assert f"{len(truth.item_id):,} items" in summary.line()
    assert (
        summary.sae.startswith(truth.sae["architecture"]) and f"k {truth.sae['k']}" in summary.sae
    )
    assert "encoding" not in summary.sae


def test_no_texts_of_features_items_and_captions_are_read_to_open(
    monkeypatch: pytest.MonkeyPatch, atlas_path: Path
) -> None:
    read: list[str] = []
    texts, rows = CheckedFile.texts, CheckedFile.rows

    def seen_texts(self: CheckedFile, name: str, start: int, stop: int) -> list[Any]:
        read.append(name)
        return texts(self, name, start, stop)

    def seen_rows(self: CheckedFile, name: str, start: int, stop: int) -> np.ndarray:
        read.append(name)
        return rows(self, name, start, stop)

    monkeypatch.setattr(CheckedFile, "texts", seen_texts)
    monkeypatch.setattr(CheckedFile, "rows", seen_rows)
    with Atlas(atlas_path) as atlas:
        summarise(atlas)
    assert "languages" in read and "features/shared" in read
    allowed = ("languages", "features/", "maps/umap")
    assert [name for name in read if not name.startswith(allowed)] == []


def test_an_atlas_without_facts_about_its_sae_is_refused(tmp_path: Path, atlas_path: Path) -> None:
    own = Path(shutil.copy(atlas_path, tmp_path))
    with h5py.File(own, "r+") as file:
        del file["sae"]
    with Atlas(own) as atlas, pytest.raises(MmfeatError, match="/sae"):
        summarise(atlas)
