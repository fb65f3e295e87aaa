"""Scaling laws of a sweep: a figure, its runs as CSV, and what they say as text."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mmfeat import provenance
from mmfeat.analysis.scaling import Exponent, Scaling, inside, ladder, scaling
from mmfeat.analysis.sweep_runs import Run
from mmfeat.figures import output, palettes, sheet, typeset
from mmfeat.figures.kind import Drawing, FigureKind, FigureSettings
from mmfeat.figures.output import guarded

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_HEIGHT, _STACKED = 2.5, 1.9  # inches of a panel beside others, and below others
_DASHES = ("-", (0, (5, 1)), (0, (5, 1, 1, 1)))  # of sizes, in turn
_TITLE, _TYPE = 0.93, 0.75  # sizes of type
_LABELS = 6  # sizes in the legend
_FIRST, _SECOND = palettes.CATEGORIES[1] / 255, palettes.CATEGORIES[2] / 255
_LAWS = (("loss", "L*"), ("features", "features*"), ("steps", "steps*"), ("lr", "lr*"))


def draw(folder: Path, settings: FigureSettings) -> Drawing:
    """Fit the scaling laws of a sweep and draw them; its runs go beside as CSV.

    The CSV has a row a run, empty where there is no number. What is found: ``runs``,
    ``unfinished`` (how many), ``loss_exponent``, ``features_exponent``, ``steps_exponent`` and
    ``lr_exponent`` (each ``value``, ``low``, ``high``, or None), ``loss_floor``,
    ``multi_epoch`` and ``notes``.

    Raises
    ------
    MmfeatError
        If the sweep is damaged or has too few runs.
    """
    found = scaling(folder)
    name = output.plain(folder.resolve().name)

    def table(out: Path) -> None:
        out.write_text(_csv(found.runs), encoding="utf-8", newline="")

    return Drawing(
        figure(found, name, settings.inches),
        f"Scaling laws of {name}",
        {
            "runs": [asdict(run) for run in found.runs],
            "unfinished": found.unfinished,
            **{
                f"{key}_exponent": None if law is None else asdict(law)
                for key, law in _exponents(found).items()
            },
            "loss_floor": None if found.surface is None else found.surface.floor,
            "multi_epoch": found.multi_epoch,
            "notes": found.notes,
        },
        {".csv": table},
    )


def text(result: Mapping[str, Any]) -> str:
    """Return what `mmfeat scaling` found for people to read."""
    runs = result["runs"]
    epochs = [run["epochs"] for run in runs]
    label = " (multi-epoch)" if result["multi_epoch"] else ""
    lines = [
        ("runs", f"{len(runs)} finished, {result['unfinished']} unfinished"),
        ("epochs", f"{min(epochs):.3g} to {max(epochs):.3g}{label}"),
    ]
    for key, symbol in _LAWS:
        law = result[f"{key}_exponent"]
        lines.append((symbol, "-" if law is None else f"~ {_power(key, Exponent(**law))}"))
    lines += [(key, str(result[key])) for key in ("figure", "table")]
    return "\n".join(
        [f"{name:<11}{value}" for name, value in lines]
        + [f"Note: {note}" for note in result["notes"]]
    )


def _exponents(found: Scaling) -> dict[str, Exponent | None]:
    return {key: getattr(found, key) for key, _ in _LAWS}


def _power(key: str, law: Exponent) -> str:
    """Return a power of compute as text; a loss falls by its exponent."""
    value, low, high = law.value, law.low, law.high
    if key == "loss":
        value, low, high = -value, -high, -low
    return f"C^{value:.3f} [{low:.3f}, {high:.3f}]"


def _csv(runs: Sequence[Run]) -> str:
    handle = io.StringIO()
    rows = []
    for run in runs:
        row = asdict(run)
        fvu = row.pop("fvu")
        row |= {"multi_epoch": "true" if run.epochs > 1 else "false"}
        row |= {f"fvu[{stream}]": value for stream, value in fvu.items()}
        rows.append(row | {"name": guarded(run.name)})
    writer = csv.DictWriter(handle, [guarded(key) for key in rows[0]], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return handle.getvalue()


def figure(found: Scaling, name: str, width: float) -> Figure:
    """Draw loss, compute-optimal size and steps, and dead latents and L0 (see the module)."""
    from matplotlib.figure import Figure

    rows = 3 if width < sheet.NARROW else 1
    version = provenance.versions().get("mmfeat", "")
    parts = [name, f"{len(found.runs)} runs"]
    if found.multi_epoch:
        most = max(run.epochs for run in found.runs)
        parts.append(f"multi-epoch: hollow marks, up to {most:.3g} epochs")
    line = " · ".join(part for part in (*parts, f"mmfeat {version}".strip()) if part)
    panels = _HEIGHT if rows == 1 else rows * _STACKED
    height = panels + sheet.foot_height([line], width)
    drawn = Figure(figsize=(width, height))
    foot = 1 - panels / height
    drawn.set_layout_engine("constrained", rect=(0.005, foot, 0.99, 0.995 - foot))
    first, second, third = drawn.subplots(rows, 3 // rows).flat
    _loss(first, found)
    _allocation(second, found)
    _sizes(third, found.best)
    for axes in (first, second, third):
        sheet.plain(axes)
    sheet.foot(drawn, [line])
    return drawn


def _loss(axes: Axes, found: Scaling) -> None:
    best, sizes = found.best, sorted({run.d_sae for run in found.best})
    low, high = np.log(sizes[0]), np.log(sizes[-1])
    # The pale end of the palette is not seen on paper.
    colours = palettes.sequential(0.9 * (np.log(sizes) - low) / (high - low)) / 255
    labelled = {sizes[i] for i in np.linspace(0, len(sizes) - 1, _LABELS).round().astype(int)}
    for size, colour, dashes in zip(sizes, colours, cycle(_DASHES), strict=False):
        line = sorted((run for run in best if run.d_sae == size), key=lambda run: run.compute)
        label = f"{size:,}" if size in labelled else None
        axes.plot(
            *_points(line, "compute", "loss"), linestyle=dashes, color=colour, linewidth=0.8,
            label=label,
        )  # fmt: skip
        rates = {run.steps: run.lr for run in line}
        own = [run for run in found.runs if run.d_sae == size]
        others = _points([r for r in own if r.lr != rates[r.steps]], "compute", "loss")
        axes.scatter(*others, s=1.5, color=[colour], linewidths=0)
        _marks(axes, [r for r in own if r.lr == rates[r.steps]], "loss", colour, "o", 6.0)
    if found.surface is not None and found.loss is not None:
        compute, within = ladder(best), inside(found.surface, best)
        loss = found.surface.frontier(compute)[0]
        _law(axes, compute, loss, within, "black", "frontier")
        floor = found.surface.floor
        above = f"L* - {floor:.2g}" if floor > 1e-3 * loss.min() else "L*"
        axes.set_title(f"{above} ~ {_power('loss', found.loss)}", fontsize=typeset.points(_TITLE))
    else:
        axes.set_title("no compute-optimal frontier", fontsize=typeset.points(_TITLE))
    sheet.logarithmic(axes.xaxis, _engineering, _compute_subs(found.best))
    sheet.logarithmic(axes.yaxis, "{:.3g}".format, (1, 1.5, 2, 3, 5, 7))
    axes.set_xlabel("training compute C (FLOP)")
    axes.set_ylabel("test loss L (FVU)")
    axes.legend(
        title="features", fontsize=typeset.points(_TYPE), title_fontsize=typeset.points(_TYPE),
        frameon=False, handlelength=1.8, labelspacing=0.25, borderaxespad=0.1,
    )  # fmt: skip


def _allocation(axes: Axes, found: Scaling) -> None:
    envelope: list[Run] = []
    for run in sorted(found.best, key=lambda run: (run.compute, run.loss)):
        if not envelope or run.loss < envelope[-1].loss:
            envelope.append(run)
    lines: tuple[Any, ...] = (None, None)
    compute, within = ladder(found.best), np.zeros(0, bool)
    if found.surface is not None:
        lines, within = found.surface.frontier(compute)[1:], inside(found.surface, found.best)
    title = []
    for key, law, line, colour, mark, label in (
        ("d_sae", found.features, lines[0], _FIRST, "o", "features"),
        ("steps", found.steps, lines[1], _SECOND, "s", "steps"),
    ):
        _marks(axes, envelope, key, colour, mark, 12.0)
        if law is not None:
            _law(axes, compute, line, within, colour, label)
            title.append(f"{label}* ~ {_power(label, law)}")
        else:
            axes.plot([], [], linestyle="", marker=mark, color=colour, markersize=3, label=label)
    if found.lr is not None:
        title.append(f"lr* ~ {_power('lr', found.lr)}")
    axes.set_title("\n".join(title) or "runs of least loss", fontsize=typeset.points(_TITLE))
    sheet.logarithmic(axes.xaxis, _engineering, _compute_subs(found.best))
    swept = [value for run in found.best for value in (run.d_sae, run.steps)]
    sheet.logarithmic(axes.yaxis, "{:,.0f}".format, (1, 2, 5))
    axes.set_ylim(min(swept) / 2, max(swept) * 2)
    axes.set_xlabel("training compute C (FLOP)")
    axes.set_ylabel("compute-optimal number")
    axes.legend(
        fontsize=typeset.points(_TYPE), frameon=False, handlelength=1.4, loc="upper left",
        borderaxespad=0.1,
    )  # fmt: skip


def _sizes(axes: Axes, best: Sequence[Run]) -> None:
    sizes = sorted({run.d_sae for run in best})
    other = axes.twinx()
    for place, key, colour, mark, label in (
        (axes, "dead", _FIRST, "o", "dead share"),
        (other, "l0", _SECOND, "s", "L0"),
    ):
        means = [np.mean([getattr(run, key) for run in best if run.d_sae == n]) for n in sizes]
        place.plot(sizes, means, "-", color=colour, linewidth=1)
        _marks(place, best, key, colour, mark, 6.0, "d_sae")
        place.set_ylabel(f"{label} ({'circles' if mark == 'o' else 'squares'})", color=colour)
        place.spines[:].set_linewidth(0.5)
        place.spines[["top", "left" if place is other else "right"]].set_visible(False)
        place.tick_params(
            axis="y", labelsize=typeset.points(sheet.SMALL), length=2, width=0.5, pad=1.5
        )
    axes.set_ylim(-0.03, 1.03)
    other.set_ylim(0, 1.25 * max(1.0, *(run.l0 for run in best)))
    sheet.logarithmic(axes.xaxis, "{:,.0f}".format, at=sizes[:: -(-len(sizes) // 5)])
    axes.set_xlabel("features")
    axes.set_title("lines: means over steps", fontsize=typeset.points(_TITLE))


def _points(runs: Sequence[Run], x: str, y: str) -> tuple[list[float], list[float]]:
    return [getattr(run, x) for run in runs], [getattr(run, y) for run in runs]


def _marks(
    axes: Axes, runs: Sequence[Run], key: str, colour: Any, mark: str, size: float,
    across: str = "compute",
) -> None:  # fmt: skip
    """Draw runs, hollow where they are multi-epoch."""
    for several in (False, True):
        chosen = [run for run in runs if (run.epochs > 1) == several]
        axes.scatter(
            *_points(chosen, across, key), s=size, marker=mark, linewidths=0.7, zorder=3,
            edgecolors=[colour], facecolors="white" if several else [colour],
        )  # fmt: skip


def _law(
    axes: Axes, x: np.ndarray, y: np.ndarray, within: np.ndarray, colour: Any, label: str
) -> None:
    """Draw a law: solid where the sweep holds its optimum, dotted where it is extrapolated."""
    axes.plot(x, np.where(within, y, np.nan), "-", color=colour, linewidth=1.2, label=label)
    axes.plot(x, np.where(within, np.nan, y), ":", color=colour, linewidth=1.2)


def _compute_subs(runs: Sequence[Run]) -> tuple[float, ...]:
    compute = [run.compute for run in runs]
    return (1,) if max(compute) > 100 * min(compute) else (1, 3)


def _engineering(value: float) -> str:
    return f"{value:.0e}".replace("e+0", "e").replace("e+", "e")


KIND = FigureKind(
    "Draw how loss, features, steps and learning rate of a sweep go with training compute.",
    FigureSettings,
    draw,
    source="SWEEP_DIR",
)
