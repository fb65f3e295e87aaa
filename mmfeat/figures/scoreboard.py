"""A scoreboard as CSV, as LaTeX and as plain text."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmfeat import provenance
from mmfeat.figures import output
from mmfeat.figures.output import guarded

EXTENSIONS = ("csv", "tex")
_BLOCK = 8  # SAEs beside each other in one tabular
_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
}


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
        names = [_escaped(output.plain(row["name"])) for row in rows[part]]
        lines += [
            rf"\begin{{tabular}}{{l{'r' * len(names)}}}",
            r"\toprule",
            " & ".join(["", *names]) + r" \\",
            r"\midrule",
            *(
                " & ".join([_escaped(label), *(_latex_cell(row[label]) for row in scores[part])])
                + r" \\"
                for label in scores[0]
            ),
            r"\bottomrule",
            r"\end{tabular}",
        ]
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
    return "--" if value is None else _escaped(_cell(value, ""))


def _escaped(text: str) -> str:
    return "".join(_LATEX.get(sign, sign) for sign in text)
