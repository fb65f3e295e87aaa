"""Features and their scores as a table."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from mmfeat.atlas.reader import Atlas
from mmfeat.figures import columns, output, tabular
from mmfeat.figures.kind import FileKind, Settings
from mmfeat.figures.output import guarded

_PRINTED = ("tex", "md")
_SHORT = (
    "name",
    "firing_rate_image",
    "firing_rate_text",
    "modality_score",
    "n_languages",
    "shared_q",
)


class TableSettings(Settings):
    """Options of a table of features."""

    feature: tuple[int, ...] = Field(
        (), description="Index of a feature; repeat it for several. [all]"
    )
    column: tuple[str, ...] = Field(
        (),
        description="Column, as shared_q, or p for p of every language; repeat it for several. "
        "[all; in .tex and .md names, firing rates, modality score, languages and q]",
    )
    language: tuple[str, ...] = Field(
        (),
        description="Language of names and of scores a language; repeat it for several. [all; in "
        ".tex and .md English, or the first]",
    )
    sort: str | None = Field(
        None, description="Column to sort by, the largest first. [in the order of the features]"
    )
    ascending: bool = Field(False, description="With --sort: the smallest first.")
    limit: int | None = Field(None, ge=1, description="Features at most. [all]")


def write(
    source: Path, settings: TableSettings, out: Path, extension: str, record: str
) -> dict[str, Any]:
    """Write features of an atlas as the rows of a table.

    Columns are those of `columns.all_columns`, ``feature`` first. CSV is UTF-8,
    comma-separated, with true and false for flags, empty where a score is missing, and texts
    `guarded`. Parquet has the types of the atlas, null where a score or name is missing, and
    the provenance in the metadata of its schema. LaTeX needs the packages booktabs and
    siunitx; there and in Markdown numbers are rounded.

    Raises
    ------
    MmfeatError
        If there is no such feature, column or language, or the atlas is damaged.
    """
    with Atlas(source) as atlas:
        tags = columns.chosen_languages(atlas, settings.language)
        wanted = settings.column
        if extension in _PRINTED:
            wanted = wanted or _SHORT
            if not settings.language:
                tags = ("en",) if "en" in tags else tags[:1]
        known = columns.all_columns(atlas, tags)
        chosen = columns.picked(known, wanted, atlas) if wanted else known
        rows = np.array(columns.chosen_features(atlas, settings.feature))
        if settings.sort:
            # After the features themselves; of several languages the first decides.
            by = list(columns.picked(known, (settings.sort,), atlas).values())[:2][-1]
            rows = rows[_order(by[rows], settings.ascending)]
        chosen = {name: values[rows[: settings.limit]] for name, values in chosen.items()}
        about = [output.provenance_line(atlas), output.plain(atlas.attribution)]
    if extension == "parquet":
        _parquet(out, chosen, {"mmfeat": record, "attribution": about[1]})
    else:
        with out.open("w", encoding="utf-8", newline="") as handle:
            if extension == "csv":
                writer = csv.writer(handle, lineterminator="\n")
                writer.writerow([guarded(name) for name in chosen])
                writer.writerows(zip(*map(_exact, chosen.values()), strict=True))
            else:
                lines = {"tex": _latex, "md": _markdown}[extension](chosen, about, record)
                handle.write("\n".join(lines) + "\n")
    return {"features": len(chosen["feature"]), "columns": len(chosen)}


def _order(values: np.ndarray, ascending: bool) -> np.ndarray:
    """Return the order of rows by a column, what is missing last, ties as they were."""
    missing = (values == "") if values.dtype == object else np.isnan(values.astype(np.float64))
    _, rank = np.unique(values, return_inverse=True)
    return np.lexsort((rank if ascending else -rank, missing))


def _exact(values: np.ndarray) -> list[str]:
    """Write numbers in the fewest digits that give the same number; missing is empty."""
    if values.dtype == object:
        return [guarded(text) for text in values]
    if values.dtype.kind == "f":
        return ["" if np.isnan(value) else str(value) for value in values]
    return tabular.decimals(values)


def _parquet(out: Path, chosen: Mapping[str, np.ndarray], about: Mapping[str, str]) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    table = pa.table(
        {
            name: pa.array([text or None for text in values], pa.string())
            if values.dtype == object
            else pa.array(columns.native(values), from_pandas=True)
            for name, values in chosen.items()
        }
    )
    parquet.write_table(table.replace_schema_metadata(about), out)


def _latex(chosen: Mapping[str, np.ndarray], about: list[str], record: str) -> list[str]:
    specs, header, cells = [], [], []
    for name, values in chosen.items():
        label = tabular.latex_text(_label(name))
        if _is_number(values):
            spec, own = tabular.aligned(tabular.decimals(values))
            label = f"{{{label}}}"
        else:
            spec, own = "l", [tabular.latex_text(text) for text in _texts(values)]
        specs.append(spec)
        header.append(label)
        cells.append(own)
    return [
        *(f"% {line}" for line in about if line),
        rf"% {tabular.comment(record)}",
        r"% \usepackage{booktabs,siunitx}",
        "% Names in other scripts need XeLaTeX or LuaLaTeX and a font that has them.",
        *tabular.latex_table(specs, header, zip(*cells, strict=True)),
    ]


def _markdown(chosen: Mapping[str, np.ndarray], about: list[str], record: str) -> list[str]:
    cells = [
        tabular.decimals(values)
        if _is_number(values)
        else [tabular.markdown_text(text) for text in _texts(values)]
        for values in chosen.values()
    ]
    return [
        *tabular.markdown_table(
            [_is_number(values) for values in chosen.values()],
            [tabular.markdown_text(_label(name)) for name in chosen],
            zip(*cells, strict=True),
        ),
        "",
        *(f"{tabular.markdown_text(line)}  " for line in about if line),
        f"<!-- {tabular.comment(record)} -->",
    ]


def _is_number(values: np.ndarray) -> bool:
    return values.dtype.kind in "iuf"


def _texts(values: np.ndarray) -> list[str]:
    if values.dtype == object:
        return [tabular.on_one_line(text) for text in values]
    return tabular.decimals(values)


def _label(name: str) -> str:
    """Return a column's name as readers see it: ``firing_rate[ar]`` as ``firing rate (ar)``."""
    words, bracket, tag = name.partition("[")
    shown = words.replace("_", " ") + (f" ({tag.removesuffix(']')})" if bracket else "")
    return tabular.on_one_line(shown)


KIND = FileKind(
    "Write features with their scores and names.",
    TableSettings,
    write,
    ("csv", "parquet", "tex", "md"),
)
