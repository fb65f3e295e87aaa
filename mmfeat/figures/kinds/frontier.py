"""What sharing costs: shared features against the error of reconstruction of many SAEs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float
from pydantic import Field

from mmfeat import provenance
from mmfeat.errors import MmfeatError
from mmfeat.figures import output, sheet, typeset
from mmfeat.figures.kind import Drawing, FigureKind, FigureSettings
from mmfeat.figures.scoreboard import Scored, read_scoreboard

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_HIGH = 1.75  # inches of a panel
_MARKS = ("o", "s", "^", "D", "v", "P", "X", "*")  # sizes of SAEs, the smallest first
_KEYED = 24  # SAEs of the frontiers that are listed by name
_TYPE = 0.8  # size of numbers and of the key
# Where a number may stand beside its point; nothing is to the upper left of a frontier.
_AROUND = ((-1, 1), (-1, 0), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))
_GAP = 0.03  # inches between the head of the key and its first line
_SAME = 0.02  # relative differences of L0 that are none
_SIDES = (("pictures", "fvu_image"), ("captions", "fvu_text"))


class FrontierSettings(FigureSettings):
    """Options of the frontier."""

    of_d_sae: bool = Field(
        False, description="Count shared features against all, not against those alive."
    )
    most_l0: float | None = Field(
        None,
        gt=0,
        allow_inf_nan=False,
        description="Leave out SAEs of which more latents are active. [none]",
    )


def draw(path: Path, settings: FrontierSettings) -> Drawing:
    """Draw shared features against FVU, and the frontier: no SAE has more of one for less.

    Numbers stand beside the SAEs on either frontier, which are listed by name. SAEs whose
    sharing could not be scored are left out. L0 is shown by colour, as more active latents
    keep more of a row.

    Raises
    ------
    MmfeatError
        If the file is no scoreboard, or sharing is not scored in it.
    """
    key = "shared_of_d_sae" if settings.of_d_sae else "shared"
    rows = read_scoreboard(path)
    scored = [row for row in rows if getattr(row, key) is not None]
    if not scored:
        raise MmfeatError(
            f"{path} scores no sharing; evaluate SAEs on activations with pictures and captions."
        )
    most = np.inf if settings.most_l0 is None else settings.most_l0
    known = [row for row in scored if max(row.l0_image, row.l0_text) <= most]
    if not known:
        raise MmfeatError(
            f"No SAE of {path} has an L0 of {most:g} or less; give a larger --most-l0."
        )
    share = np.array([getattr(row, key) for row in known], np.float64)
    best = {
        side: frontier(np.array([getattr(row, score) for row in known]), share)
        for side, score in _SIDES
    }
    version = provenance.versions().get("mmfeat", "")
    parts = [output.plain(path.name), f"{len(known)} SAEs", f"mmfeat {version}".strip()]
    if len(scored) < len(rows):
        parts.append(f"{len(rows) - len(scored)} without a score of sharing are left out")
    if len(known) < len(scored):
        parts.append(f"{len(scored) - len(known)} of larger L0 are left out")
    whole = "all" if settings.of_d_sae else "those alive"
    return Drawing(
        _draw(known, share, list(best.values()), whole, " · ".join(parts), settings.inches),
        "Sharing against reconstruction",
        {
            "saes": len(known),
            "left_out": len(rows) - len(known),
            "frontier": {
                side: [known[at].name for at in _by_share(on, share)] for side, on in best.items()
            },
        },
    )


def frontier(cost: Float[np.ndarray, "n"], gain: Float[np.ndarray, "n"]) -> Bool[np.ndarray, "n"]:
    """Return what nothing beats: nothing costs less and gains as much, or gains more for it."""
    no_dearer = cost[:, None] <= cost
    no_less = gain[:, None] >= gain
    better = (cost[:, None] < cost) | (gain[:, None] > gain)
    return np.asarray(~(no_dearer & no_less & better).any(0))


def _by_share(on: Bool[np.ndarray, "n"], share: Float[np.ndarray, "n"]) -> list[int]:
    index = np.flatnonzero(on)
    found: list[int] = index[np.argsort(-share[index], kind="stable")].tolist()
    return found


def _draw(
    rows: Sequence[Scored],
    share: Float[np.ndarray, "n"],
    best: Sequence[Bool[np.ndarray, "n"]],
    whole: str,
    line: str,
    width: float,
) -> Figure:
    columns = 1 if width < sheet.NARROW else 2
    numbered = _by_share(np.any(best, axis=0), share)[:_KEYED]
    l0 = np.array([(row.l0_image + row.l0_text) / 2 for row in rows])
    varies = np.ptp(l0) > _SAME * l0.max()
    left, gap, axis, bar = 0.45, 0.3, 0.42, 0.42 if varies else 0.05
    top = 0.1 + typeset.line(_TYPE)
    wide = (width - left - bar - sheet.MARGIN - gap * (columns - 1)) / columns
    under = top + len(best) // columns * (_HIGH + axis) + 0.06
    height = under + typeset.line(_TYPE) * (len(numbered) + 2) + 0.06 + _GAP
    figure = sheet.sheet(width, height + sheet.foot_height([line], width))
    sizes = sorted({row.d_sae for row in rows})
    for at, ((side, score), on) in enumerate(zip(_SIDES, best, strict=True)):
        x, y = left + (wide + gap) * (at % columns), top + (_HIGH + axis) * (at // columns)
        axes = sheet.panel(figure, x, y, wide, _HIGH)
        fvu = np.array([getattr(row, score) for row in rows])
        shape = [sizes.index(row.d_sae) % len(_MARKS) for row in rows]
        drawn = _points(axes, np.stack([fvu, share], 1), shape, l0)
        _line(axes, fvu[on], share[on])
        axes.set_xlabel(f"FVU, {side}")
        axes.set_xlim(0, 1.08 * fvu.max())
        axes.set_ylim(0, min(1.0, share.max()) * 1.12 or 1)
        axes.set_ylabel(f"shared features, of {whole}" if at % columns == 0 else "")
        texts = [str(1 + numbered.index(one)) for one in numbered]
        _numbers(axes, fvu, share, numbered, texts)
    if varies:
        bars = sheet.panel(figure, width - bar + 0.06, top, 0.07, _HIGH)
        figure.colorbar(drawn, cax=bars).outline.set_visible(False)
        sheet.plain(bars)
        sheet.write(figure, width - bar + 0.06, 0.04, "L0", _TYPE)
    _legend(figure, sizes, left)
    _key(figure, [rows[at] for at in numbered], [share[at] for at in numbered], under)
    sheet.foot(figure, [line])
    return figure


def _points(
    axes: Axes, xy: Float[np.ndarray, "n 2"], shape: Sequence[int], l0: Float[np.ndarray, "n"]
) -> Any:
    drawn = None
    low, high = float(l0.min()), float(l0.max())
    for at in sorted(set(shape)):
        own = np.array(shape) == at
        drawn = axes.scatter(
            xy[own, 0], xy[own, 1], c=l0[own], vmin=low, vmax=high, cmap=sheet.colours(),
            marker=_MARKS[at], s=16, linewidths=0.5, edgecolors="0.25", zorder=3,
        )  # fmt: skip
    return drawn


def _line(axes: Axes, fvu: Float[np.ndarray, "k"], share: Float[np.ndarray, "k"]) -> None:
    """Draw what is reached at each FVU: stairs, as what lies between two SAEs is not known."""
    order = np.argsort(fvu, kind="stable")
    x = np.append(fvu[order], 1e3)
    y = np.append(share[order], share[order][-1:])
    axes.step(x, y, where="post", color="0.35", linewidth=0.8, zorder=2)


def _numbers(
    axes: Axes,
    fvu: Float[np.ndarray, "n"],
    share: Float[np.ndarray, "n"],
    chosen: Sequence[int],
    texts: Sequence[str],
) -> None:
    """Write a number beside each point where it covers no other point or number, if anywhere."""
    dots = axes.transData.transform(np.stack([fvu, share], 1)) * 72 / axes.figure.dpi
    taken: list[tuple[float, float, float, float]] = [
        (x - 2.5, y - 2.5, x + 2.5, y + 2.5) for x, y in dots
    ]
    high = typeset.points(_TYPE) * 0.8
    for at, text in zip(chosen, texts, strict=True):
        x, y = dots[at]
        across = 72 * typeset.wide(text, _TYPE)
        for dx, dy in _AROUND:
            left = x + 3.5 * dx - across * (1 - dx) / 2
            low = y + 3.5 * dy - high * (1 - dy) / 2
            box = (left, low, left + across, low + high)
            if not any(
                box[0] < b[2] and b[0] < box[2] and box[1] < b[3] and b[1] < box[3] for b in taken
            ):
                taken.append(box)
                axes.annotate(
                    text, (fvu[at], share[at]), (left - x, low - y), textcoords="offset points",
                    fontsize=typeset.points(_TYPE), zorder=4,
                )  # fmt: skip
                break


def _legend(figure: Figure, sizes: Sequence[int], left: float) -> None:
    from matplotlib.lines import Line2D

    width, height = figure.get_size_inches()
    marks = [
        Line2D([], [], linestyle="", marker=_MARKS[at], markersize=3.5, markerfacecolor="white",
               markeredgecolor="0.25", markeredgewidth=0.6, label=f"{size:,}")
        for at, size in enumerate(sizes[: len(_MARKS)])
    ]  # fmt: skip
    figure.legend(
        handles=[Line2D([], [], linestyle="", label="d_sae"), *marks], loc="upper left",
        bbox_to_anchor=((left - 0.1) / width, 1 - 0.02 / height), ncols=len(marks) + 1,
        frameon=False, fontsize=typeset.points(_TYPE), handletextpad=0.0, columnspacing=0.6,
        borderpad=0.1, borderaxespad=0,
    )  # fmt: skip


def _key(figure: Figure, rows: Sequence[Scored], share: Sequence[float], under: float) -> None:
    width = float(figure.get_size_inches()[0])
    columns: list[tuple[str, list[str]]] = [
        ("d_sae", [f"{row.d_sae:,}" for row in rows]),
        ("L0", [f"{(row.l0_image + row.l0_text) / 2:.3g}" for row in rows]),
        ("FVU,\npictures", [f"{row.fvu_image:.3f}" for row in rows]),
        ("FVU,\ncaptions", [f"{row.fvu_text:.3f}" for row in rows]),
        ("shared", [f"{value:.3f}" for value in share]),
    ]
    step, right, grey = typeset.line(_TYPE), width - sheet.MARGIN, {"color": sheet.GREY}
    first = under + 2 * step + 0.02 + _GAP
    for title, cells in reversed(columns):
        sheet.write(figure, right, first - _GAP, title, _TYPE, ha="right", va="bottom", **grey)
        for at, text in enumerate(cells):
            sheet.write(figure, right, first + at * step, text, _TYPE, ha="right")
        right -= 0.1 + max(typeset.wide(own, _TYPE) for own in (*title.split("\n"), *cells))
    left = sheet.MARGIN + typeset.wide(f"{len(rows)} ", _TYPE)
    sheet.write(figure, left + 0.06, first - _GAP, "on a frontier", _TYPE, va="bottom", **grey)
    for at, row in enumerate(rows):
        y = first + at * step
        sheet.write(figure, left, y, str(at + 1), _TYPE, ha="right")
        name = typeset.clip(output.plain(row.name), right - left - 0.06, _TYPE)
        sheet.write(figure, left + 0.06, y, name, _TYPE)


KIND = FigureKind(
    "Draw shared features against FVU of many SAEs, and the frontier.",
    FrontierSettings,
    draw,
    source="SCORES.csv",
)
