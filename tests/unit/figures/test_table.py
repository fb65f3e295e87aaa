from __future__ import annotations

import csv
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

from mmfeat.errors import MmfeatError
from mmfeat.figures.table import export_table, guarded


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def test_every_feature_is_a_row_and_every_score_a_column(atlas_path: Path, tmp_path: Path) -> None:
    out = tmp_path / "features.csv"
    result = export_table(atlas_path, out)
    rows = read(out)
    with h5py.File(atlas_path) as file:
        languages = [tag.decode() for tag in file["languages"][:]]
        assert len(rows) == result["features"] == int(file.attrs["d_sae"])
        assert result["columns"] == len(rows[0])
        assert [row["feature"] for row in rows] == [str(i) for i in range(len(rows))]
        columns = {
            name: node[:] for name, node in file["features"].items() if name != "by_language"
        }
        for name, table in file["features/by_language"].items():
            columns |= {f"{name}[{tag}]": table[:, at] for at, tag in enumerate(languages)}
        columns |= {
            f"name_score[{tag}]": file["names/score"][:, at] for at, tag in enumerate(languages)
        }
        for name, values in columns.items():
            for row, value in zip(rows, values, strict=True):
                cell = row[name]
                if values.dtype == bool:
                    assert cell == ("true" if value else "false")
                elif cell == "":
                    assert np.isnan(value)
                else:
                    assert values.dtype.type(cell) == value  # not a digit is lost
        for at, tag in enumerate(languages):
            texts = [text.decode() for text in file["names/text"][:, at]]
            assert [row[f"name[{tag}]"] for row in rows] == [guarded(text) for text in texts]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_formulas_are_shown_and_not_run(text: str) -> None:
    assert guarded(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "cat", "قطة", "1-1", "'=1"])
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert guarded(text) == text


def test_hostile_names_are_guarded_in_the_file(atlas_path: Path, tmp_path: Path) -> None:
    path = tmp_path / "hostile.h5"
    shutil.copy(atlas_path, path)
    name = '=HYPERLINK("http://x", "a,b")\n'
    with h5py.File(path, "r+") as file:
        file["names/text"][0, 0] = name
        tag = file["languages"][0].decode()
        file["features"]["=1+1"] = np.zeros(int(file.attrs["d_sae"]), np.float32)
    export_table(path, tmp_path / "t.csv")
    rows = read(tmp_path / "t.csv")
    assert rows[0][f"name[{tag}]"] == "'" + name
    assert "'=1+1" in rows[0]
    assert "=1+1" not in rows[0]


def test_negative_numbers_stay_numbers(atlas_path: Path, tmp_path: Path) -> None:
    path = tmp_path / "negative.h5"
    shutil.copy(atlas_path, path)
    with h5py.File(path, "r+") as file:
        file["features/shared_effect"][0] = -0.25
    export_table(path, tmp_path / "t.csv")
    assert read(tmp_path / "t.csv")[0]["shared_effect"] == "-0.25"


def test_another_extension_is_refused(atlas_path: Path, tmp_path: Path) -> None:
    with pytest.raises(MmfeatError, match=r"must end in one of \.csv"):
        export_table(atlas_path, tmp_path / "t.xlsx")
