"""Tables as LaTeX and as Markdown, in which strangers' texts are text and nothing else."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence

import numpy as np

from mmfeat.figures import direction

_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    # Other signs stand in their places in the fonts that LaTeX begins with.
    "|": r"\textbar{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
}
# What CommonMark or its tables would take for markup.
_MARKDOWN = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    **{sign: f"\\{sign}" for sign in "\\`*_[]|~$#!"},
}
_LEAST = 0.0005  # smaller numbers need an exponent


def latex_text(text: str) -> str:
    """Return a text as LaTeX that shows it."""
    return "".join(_LATEX.get(sign, sign) for sign in text)


def markdown_text(text: str) -> str:
    """Return a text as Markdown that shows it."""
    return "".join(_MARKDOWN.get(sign, sign) for sign in text)


def on_one_line(text: str) -> str:
    """Return a text without line breaks and control characters; joiners of letters stay."""
    return " ".join(direction.printable(text).split())


def comment(record: str) -> str:
    """Return JSON in one line of ASCII, in which nothing ends a comment."""
    bare = json.dumps(json.loads(record), sort_keys=True)
    return bare.replace("<", "\\u003c").replace(">", "\\u003e")


def latex_table(
    columns: Sequence[str], header: Sequence[str], rows: Iterable[Sequence[str]]
) -> list[str]:
    """Return the lines of a tabular for the package booktabs.

    Parameters
    ----------
    columns : sequence of str
        How each column stands, as ``l``.
    header, rows : sequences of str
        Cells that are LaTeX already.
    """
    return [
        rf"\begin{{tabular}}{{{''.join(columns)}}}",
        r"\toprule",
        " & ".join(header) + r" \\",
        r"\midrule",
        *(" & ".join(row) + r" \\" for row in rows),
        r"\bottomrule",
        r"\end{tabular}",
    ]


def markdown_table(
    numbers: Sequence[bool], header: Sequence[str], rows: Iterable[Sequence[str]]
) -> list[str]:
    """Return the lines of a table, the columns of numbers aligned right; cells are Markdown."""
    rule = ["---:" if number else ":---" for number in numbers]
    return ["| " + " | ".join(row) + " |" for row in (header, rule, *rows)]


def decimals(values: np.ndarray) -> list[str]:
    """Write numbers for readers: three places, or an exponent where some are small; NaN is empty.

    Flags are ``true`` and ``false``.
    """
    if values.dtype.kind == "b":
        return ["true" if value else "false" for value in values]
    if values.dtype.kind != "f":
        return [str(value) for value in values.tolist()]
    size = np.abs(values[np.isfinite(values)])
    form = ".2e" if ((size > 0) & (size < _LEAST)).any() else ".3f"
    return ["" if math.isnan(value) else f"{value:{form}}" for value in values.tolist()]


def aligned(cells: Sequence[str]) -> tuple[str, list[str]]:
    """Return the column of the package siunitx for numbers, and its cells.

    What is no number, as infinity, stands in braces; so does a dash where there is none.
    """
    numbers = [cell for cell in cells if cell.strip("-")[:1].isdigit()]
    parts = [cell.partition("e") for cell in numbers]
    whole = max((len(own.lstrip("-").partition(".")[0]) for own, _, _ in parts), default=1)
    places = max((len(own.partition(".")[2]) for own, _, _ in parts), default=0)
    exponents = [exponent for _, _, exponent in parts if exponent]
    form = f"{'-' if any(own.startswith('-') for own, _, _ in parts) else ''}{whole}"
    form += f".{places}" if places else ""
    if exponents:
        sign = "-" if any(one.startswith("-") for one in exponents) else ""
        form += f"e{sign}{max(len(one.lstrip('+-').lstrip('0')) or 1 for one in exponents)}"
    known = set(numbers)
    shown = [cell if cell in known else f"{{{cell or '--'}}}" for cell in cells]
    return f"S[table-format={form}]", shown
