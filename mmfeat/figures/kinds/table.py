"""All features and their scores as a table."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np

from mmfeat.atlas.reader import Atlas
from mmfeat.figures.kind import FileKind, Settings
from mmfeat.figures.output import guarded


def _numbers(column: np.ndarray) -> list[str]:
    """Write numbers in the fewest digits that give the same number; missing is empty."""
    if column.dtype.kind == "b":
        return ["true" if value else "false" for value in column]
    if column.dtype.kind != "f":
        return [str(value) for value in column.tolist()]
    return ["" if np.isnan(value) else str(value) for value in column]


class TableSettings(Settings):
    """Options of a table of features."""


def write(
    source: Path, settings: TableSettings, out: Path, extension: str, record: str
) -> dict[str, Any]:
    """Write every feature of an atlas as a row of a CSV file.

    Columns are ``feature``; every score of ``/features``; ``SCORE[LANGUAGE]`` for every score
    a language; ``name[LANGUAGE]`` and ``name_score[LANGUAGE]``. UTF-8, comma-separated, true
    and false for flags, empty where a score is missing; texts are `guarded`.

    Raises
    ------
    MmfeatError
        If the atlas is damaged.
    """
    with Atlas(source) as atlas:
        columns: dict[str, list[str]] = {"feature": [str(f) for f in range(atlas.d_sae)]}
        columns |= {name: _numbers(values) for name, values in atlas.features().items()}
        for name, table in atlas.by_language().items():
            for index, language in enumerate(atlas.languages):
                columns[f"{name}[{language}]"] = _numbers(table[:, index])
        texts, scores = atlas.all_names()
        for index, language in enumerate(atlas.languages):
            columns[f"name[{language}]"] = [guarded(row[index]) for row in texts]
            columns[f"name_score[{language}]"] = _numbers(scores[:, index])
    with out.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow([guarded(name) for name in columns])
        writer.writerows(zip(*columns.values(), strict=True))
    return {"features": atlas.d_sae, "columns": len(columns)}


KIND = FileKind("Write all features with all scores.", TableSettings, write, ("csv",))
