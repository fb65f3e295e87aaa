"""A scoreboard as CSV, as LaTeX and as plain text."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmfeat import provenance
from mmfeat.errors import MmfeatError
from mmfeat.figures import output
from mmfeat.figures.output import guarded
from mmfeat.figures.tabular import latex_table, latex_text

EXTENSIONS = ("csv", "tex")
_MOST_BYTES = 32 << 20  # of a CSV that is read
_BLOCK = 8  # SAEs beside each other in one tabular


def summary(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return one number a score of a row, under the names that readers see.

    Scores by language are means, each language counting alike.
    """
    image, text = (
        {score: _mean(row[score].get(stream, {}).values()) for score in ("fvu", "l0", "dead")}
        for stream in ("image.pooled", "text.pooled")
    )
    return {
        "architecture": row["architecture"],
        "recipe": row["recipe"],
        "seed": row["seed"],
        "d_sae": row["d_sae"],
        "decoders": "one" if row["one_decoder"] else "two",
        "FVU, image": image["fvu"],
        "FVU, text": text["fvu"],
        "L0, image": image["l0"],
        "L0, text": text["l0"],
        "dead, image": image["dead"],
        "dead, text": text["dead"],
        "alive": row["alive"],
        "image only": row["image_only"],
        "text only": row["text_only"],
        "bimodal": row["bimodal"],
        "testable": row["testable"],
        "shared": row["shared"],
        "shared within group": row["shared_within_group"],
        "shared, of d_sae": row["shared_of_d_sae"],
        "Jaccard of languages": row["jaccard_languages"],
        "R@1, codes": row["r1_codes"]["mean"],
        "R@10, codes": row["r10_codes"]["mean"],
        "R@10, reconstruction": row["r10_reconstruction"]["mean"],
        "R@10, dense": row["r10_dense"]["mean"],
        "monosemanticity, image": row["monosemanticity"]["image"],
        "monosemanticity, text": row["monosemanticity"]["text"],
        "monosemanticity, across": row["monosemanticity"]["across"],
        "atom error, image": row["atom_error"]["image"],
        "atom error, text": row["atom_error"]["text"],
        "seed stability": row["seed_stability"],
    }


def text(rows: Sequence[Mapping[str, Any]], width: int) -> str:
    """Return scores down and SAEs across, as many beside each other as `width` holds."""
    scores = [summary(row) for row in rows]
    labels = list(scores[0])
    first = max(map(len, labels))
    names = [output.plain(row["name"]) for row in rows]
    cells = [[_cell(row[label], "-") for label in labels] for row in scores]
    widths = [max(map(len, [name, *column])) + 2 for name, column in zip(names, cells, strict=True)]
    blocks: list[str] = []
    start = 0
    while start < len(rows):
        stop = start + 1
        while stop < len(rows) and first + sum(widths[start : stop + 1]) <= width:
            stop += 1
        lines = [("", names)] + [
            (label, [column[at] for column in cells]) for at, label in enumerate(labels)
        ]
        blocks.append(
            "\n".join(
                label.ljust(first)
                + "".join(values[at].rjust(widths[at]) for at in range(start, stop))
                for label, values in lines
            )
        )
        start = stop
    notes = [f"Note: {note}" for note in _notes(rows)]
    return "\n".join(["\n\n".join(blocks), *notes])


def latex(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the same as tabulars for the package booktabs, with what made them as a comment."""
    scores = [summary(row) for row in rows]
    made = f"mmfeat {provenance.versions().get('mmfeat', '')}".strip()
    lines = [
        f"% {made}: scores on test concepts; means over languages",
        r"% \usepackage{booktabs}",
        *(f"% {output.plain(note)}" for note in _notes(rows)),
    ]
    for start in range(0, len(rows), _BLOCK):
        part = slice(start, start + _BLOCK)
        names = [latex_text(output.plain(row["name"])) for row in rows[part]]
        body = [
            [latex_text(label), *(_latex_cell(row[label]) for row in scores[part])]
            for label in scores[0]
        ]
        lines += latex_table(["l", *("r" for _ in names)], ["", *names], body)
    return "\n".join(lines) + "\n"


def write_scoreboard(rows: Sequence[Mapping[str, Any]], out: Path) -> None:
    """Write a scoreboard as CSV or LaTeX, by the extension of `out`.

    A CSV has one row an SAE and one column a number, ``SCORE[KEY]`` or
    ``SCORE[KEY][KEY]`` where a score is an object, empty where there is none;
    texts are `guarded`. LaTeX has what `summary` gives.

    Raises
    ------
    MmfeatError
        If the extension is neither, or `out` cannot be written.
    """
    extension = output.check_out(out, EXTENSIONS)
    with (
        output.writing(out) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as handle,
    ):
        if extension == "tex":
            handle.write(latex(rows))
            return
        flat = [dict(_flat(row)) for row in rows]
        columns = list(dict.fromkeys(name for row in flat for name in row))
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow([guarded(name) for name in columns])
        writer.writerows([[row.get(name, "") for name in columns] for row in flat])


@dataclass(frozen=True)
class Scored:
    """What a CSV scoreboard says of one SAE; scores by language are means.

    Attributes
    ----------
    name, architecture : str
    d_sae : int
    fvu_image, fvu_text, l0_image, l0_text : float
    shared, shared_of_d_sae : float or None
        Shares of the features alive, and of all.
    """

    name: str
    architecture: str
    d_sae: int
    fvu_image: float
    fvu_text: float
    l0_image: float
    l0_text: float
    shared: float | None
    shared_of_d_sae: float | None


def read_scoreboard(path: Path) -> list[Scored]:
    """Read the CSV that `write_scoreboard` wrote.

    Raises
    ------
    MmfeatError
        If it is missing, too large, no such CSV, or a number in it cannot be.
    """
    what = "give the CSV that mmfeat evaluate --out wrote"
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise MmfeatError(f"{path} is larger than {_MOST_BYTES >> 20} MiB; {what}.")
        with path.open(encoding="utf-8", newline="") as handle:
            rows = list(csv.DictReader(handle, strict=True))
    except (OSError, UnicodeDecodeError, csv.Error):
        raise MmfeatError(f"{path} cannot be read as CSV; {what}.") from None
    found = []
    for line, row in enumerate(rows, 2):
        try:
            found.append(_scored(row))
        except (KeyError, ValueError, TypeError) as error:
            raise MmfeatError(f"{path}, row {line}: {_reason(error)}; {what}.") from None
    if not found:
        raise MmfeatError(f"{path} holds no SAE; {what}.")
    return found


def _scored(row: Mapping[str, Any]) -> Scored:
    def mean(score: str, stream: str) -> float:
        own = [row[key] for key in row if str(key).startswith(f"{score}[{stream}][")]
        known = [_number(value, 0.0, math.inf) for value in own if value]
        if not known:
            raise KeyError(f"{score}[{stream}]")
        return float(np.mean(known))

    def share(key: str) -> float | None:
        return _number(row[key], 0.0, 1.0) if row[key] else None

    return Scored(
        name=_unguarded(row["name"]),
        architecture=_unguarded(row["architecture"]),
        d_sae=int(_number(row["d_sae"], 1.0, 2.0**40)),
        fvu_image=mean("fvu", "image.pooled"),
        fvu_text=mean("fvu", "text.pooled"),
        l0_image=mean("l0", "image.pooled"),
        l0_text=mean("l0", "text.pooled"),
        shared=share("shared"),
        shared_of_d_sae=share("shared_of_d_sae"),
    )


def _number(text: str, low: float, high: float) -> float:
    value = float(text)
    if not low <= value <= high or math.isinf(value):
        raise ValueError(f"{text!r} is out of range")
    return value


def _unguarded(text: str) -> str:
    bare = text.removeprefix("'")
    return bare if bare != text and guarded(bare) == text else text


def _reason(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"the column {error.args[0]} is missing or empty"
    return str(error) if isinstance(error, ValueError) else "a value is missing"


def _flat(row: Mapping[str, Any]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for key, value in row.items():
        if isinstance(value, Mapping):
            for name, cell in _flat(value):
                inner, bracket, rest = name.partition("[")
                found.append((f"{key}[{inner}]{bracket}{rest}", cell))
        elif isinstance(value, bool):
            found.append((key, "true" if value else "false"))
        elif isinstance(value, (int, float)):
            found.append((key, repr(value)))
        elif isinstance(value, (list, tuple)):
            found.append((key, guarded("; ".join(map(str, value)))))
        else:
            found.append((key, "" if value is None else guarded(str(value))))
    return found


def _notes(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(note for row in rows for note in row["notes"]))


def _mean(values: Any) -> float | None:
    known = list(values)
    return float(np.mean(known)) if known else None


def _cell(value: Any, missing: str) -> str:
    if value is None:
        return missing
    if isinstance(value, float):
        return f"{value:.3f}" if value < 10 else f"{value:.1f}"
    return output.plain(str(value))


def _latex_cell(value: Any) -> str:
    return "--" if value is None else latex_text(_cell(value, ""))
