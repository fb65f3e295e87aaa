"""What scripts/score_figures.py draws from an atlas alone: one function a page of docs/scores.

Every function draws on an empty figure and returns the numbers it shows.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from mmfeat.figures import output, palettes
from mmfeat.figures.pages import title_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from mmfeat.atlas.reader import Atlas

GREY, BLUE, ORANGE = palettes.CATEGORIES / 255
DARK, GREEN = palettes.sequential(np.array([0.05, 0.62])) / 255
POOLED = {"pictures": "image.pooled", "captions": "text.pooled"}
NAMED = ("en", "ko", "ar", "ja")


@dataclass(frozen=True)
class Sources:
    """An atlas, and one of a naive SAE on the same rows to be drawn beside it."""

    atlas: Atlas
    naive: Atlas | None

    def each(self) -> Iterator[tuple[str, Atlas, Any]]:
        """Return label, atlas and colour of both."""
        yield "this SAE", self.atlas, BLUE
        if self.naive is not None:
            yield "naive SAE", self.naive, ORANGE

    @cached_property
    def examples(self) -> list[int]:
        """The features shared in most languages, the surest first."""
        scores = self.atlas.features()
        return np.lexsort((-scores["shared_effect"], -scores["n_shared_languages"])).tolist()

    @property
    def drink(self) -> str:
        """The subgroup searched for; where no item is a drink, the commonest there is."""
        values = self.atlas.items().attributes["subgroup"]
        return "drink" if "drink" in values else max(sorted(set(values)), key=values.count)


def named(atlas: Atlas, feature: int, language: str = "en") -> str:
    """Return number and name of a feature, short enough for a title."""
    text, _ = atlas.names(feature).get(language, ("", 0.0))
    return f"{feature}: {cut(text, 24)}" if text else title_of({}, feature)


def cut(text: str, width: int) -> str:
    """Return a text on one line, cut to so many columns; wide characters take two."""
    text = output.plain(text)
    columns = np.cumsum([1 + (unicodedata.east_asian_width(c) in "WF") for c in text])
    if not text or columns[-1] <= width:
        return text
    return text[: int(np.searchsorted(columns, width))].rstrip() + "…"


def headroom(axes: Axes, times: float) -> None:
    """Leave room above what is drawn for the legend."""
    axes.set_ylim(0, times * axes.get_ylim()[1])


def histogram(axes: Axes, values: np.ndarray, label: str, colour: Any, low: float, high: float):
    """Draw the distribution of what is known, as an outline with its median."""
    known = values[np.isfinite(values)]
    if not len(known):
        return float("nan")
    middle = float(np.median(known))
    weights = np.full(len(known), 1 / len(known))
    axes.hist(
        known, 40, (low, high), weights=weights, histtype="stepfilled",
        facecolor=(*colour, 0.25), edgecolor=colour, label=f"{label}, median {middle:.2f}",
    )  # fmt: skip
    axes.axvline(middle, color=colour, linestyle=":", linewidth=1)
    axes.set(xlim=(low, high), ylabel="share of features")
    return middle


def bars(axes: Axes, series: Sequence[tuple[str, Sequence[float], Any]], at: Sequence[str]) -> None:
    """Draw groups of bars, one group a label."""
    wide = 0.85 / len(series)
    for i, (label, values, colour) in enumerate(series):
        place = np.arange(len(at)) + (i - (len(series) - 1) / 2) * wide
        axes.bar(place, np.asarray(values, float), wide, color=colour, label=label)
    axes.set_xticks(range(len(at)), at)


def square(
    figure: Figure, axes: Axes, matrix: np.ndarray, rows: Sequence[str], columns: Sequence[str],
    low: float, high: float, label: str,
) -> None:  # fmt: skip
    """Draw a matrix in colours, with a bar that says what they mean."""
    from matplotlib.colors import ListedColormap

    table = ListedColormap(palettes.SEQUENTIAL / 255).with_extremes(bad=palettes.MISSING / 255)
    drawn = axes.imshow(matrix, table, vmin=low, vmax=high, aspect="auto")
    axes.set_xticks(range(len(columns)), columns, rotation=90)
    axes.set_yticks(range(len(rows)), rows)
    figure.colorbar(drawn, ax=axes, label=label)


def languages_of(scores: dict[str, float | None], tags: Sequence[str]) -> list[float]:
    return [np.nan if scores.get(tag) is None else float(scores[tag]) for tag in tags]


# A feature, and its languages -----------------------------------------------------------


def cofiring(figure: Figure, sources: Sources) -> dict[str, Any]:
    from mmfeat.atlas.language_table import LanguageTable

    left, right = figure.subplots(1, 2)
    tags, numbers = sources.atlas.languages, {}
    for at, (label, atlas, colour) in enumerate(sources.each()):
        means = {name: own for name, (own, _) in atlas.part(LanguageTable).means().items()}
        own, place = means["jaccard"], np.arange(len(tags)) + 0.15 * at
        ends = [own.value - own.low, own.high - own.value]
        left.errorbar(place, own.value, ends, fmt="o", markersize=3, color=colour, label=label)
        sides = means["text_given_image"].value, means["image_given_text"].value
        table = atlas.part(LanguageTable)
        mean = [table.row(feature).consistency[0] for feature in range(atlas.d_sae)]
        middle = histogram(right, np.array(mean), label, colour, 0, 1)
        numbers[label] = {
            tag: [round(float(v[i]), 3) for v in (own.value, own.low, own.high, *sides)]
            for i, tag in enumerate(tags)
        } | {"median": middle}
    left.set_xticks(range(len(tags)), tags)
    left.set(ylabel="mean Jaccard, 95 % interval", ylim=(0, None))
    right.set_xlabel("Jaccard of a feature, mean over languages")
    left.legend()
    right.legend()
    return numbers


def consistency(figure: Figure, sources: Sources) -> dict[str, Any]:
    from mmfeat.atlas.language_table import LanguageTable

    left, right = figure.subplots(1, 2, width_ratios=(1.25, 1))
    table, feature = sources.atlas.part(LanguageTable), sources.examples[0]
    row, order = table.row(feature), table.similarity().order
    tags = [row.columns[i] for i in order]
    square(figure, left, row.jaccard[np.ix_(order, order)], tags, tags, 0, 1, "Jaccard")
    left.set_title(named(sources.atlas, feature))
    numbers: dict[str, Any] = {"feature": named(sources.atlas, feature)}
    for label, atlas, colour in sources.each():
        scores = atlas.part(LanguageTable).scores
        sides = [scores[f"mean_{name}"] for name in ("within_script", "between_scripts")]
        right.scatter(*sides, s=4, linewidths=0, color=colour, alpha=0.6, label=label)
        numbers[label] = [float(np.nanmedian(side)) for side in sides]
    right.plot([0, 1], [0, 1], "-", color="0.6", linewidth=0.8)
    right.set(xlabel="mean Jaccard within a script", ylabel="mean Jaccard between scripts")
    right.legend()
    mean = sources.atlas.part(LanguageTable).scores
    numbers |= {
        name: float(mean[name][feature]) for name in ("mean_jaccard", "n_pairs", "n_consistent")
    }
    numbers["range"] = [float(np.nanmin(row.jaccard)), float(np.nanmax(row.jaccard))]
    return numbers


def bridge(figure: Figure, sources: Sources) -> dict[str, Any]:
    from mmfeat.atlas.bridge import BridgeReader

    both = list(sources.each())
    panels = figure.subplots(1, 1 + len(both), width_ratios=(1.3, *[1] * len(both)))
    numbers: dict[str, Any] = {}
    shares = []
    for axes, (label, atlas, colour) in zip(panels[1:], both, strict=True):
        reader = atlas.part(BridgeReader)
        summary = reader.summary
        own = summary["own_best"] / max(1, summary["partnered"])
        values = [summary[key] for key in ("diagonal", "top_image", "top_text")]
        shares.append((label, [*values, own], colour))
        partners = {f: reader.partners(f, "image") for f in sources.examples}
        # Of the naive SAE a split pair: the surest partner that is not the feature itself.
        split = [f for f, found in partners.items() if found and found[0].feature != f]
        feature = sources.examples[0]
        if atlas is not sources.atlas and split:
            feature = max(split, key=lambda f: partners[f][0].z)
        found = partners[feature][:6][::-1]
        colours = [colour if one.feature == feature else GREY for one in found]
        axes.barh(range(len(found)), [one.value for one in found], color=colours)
        axes.set_yticks(range(len(found)), [named(atlas, one.feature) for one in found], fontsize=6)
        axes.set_title(f"{label}: partners of\n{named(atlas, feature)}", fontsize=7)
        axes.set_xlabel("entry of the bridge")
        numbers[label] = summary | {"feature": named(atlas, feature)}
        numbers[label]["partners"] = [
            [named(atlas, one.feature), round(one.value, 4), round(one.z, 1)] for one in found[::-1]
        ]
    kinds = ("mass on\ndiagonal", "top,\npictures", "top,\ncaptions", "own is\nbest")
    bars(panels[0], shares, kinds)
    panels[0].tick_params(axis="x", labelsize=6)
    panels[0].set_ylabel("share")
    panels[0].legend()
    return numbers


# Geometry -------------------------------------------------------------------------------


def cknna(figure: Figure, sources: Sources) -> dict[str, Any]:
    from mmfeat.atlas.geometry import GeometryReader

    axes, tags = figure.subplots(), (*sources.atlas.languages, "mean")
    summary = sources.atlas.part(GeometryReader).summary["cknna"]
    kinds = zip(("embedding", "reconstruction", "code"), (DARK, GREEN, ORANGE), strict=True)
    series = [(k, languages_of(summary[k]["cknna"], tags), colour) for k, colour in kinds]
    series.append(("chance (code)", languages_of(summary["code"]["chance"], tags), GREY))
    bars(axes, series, tags)
    axes.set_ylabel("CKNNA of pictures and captions, k = 10")
    axes.set_ylim(0, 1.3 * np.nanmax([values for _, values, _ in series]))
    axes.legend(ncols=4, loc="upper center")
    return {label: values[-1] for label, values, _ in series}


def neurons(figure: Figure, sources: Sources) -> dict[str, Any]:
    from mmfeat.atlas.geometry import GeometryReader

    panels, numbers = figure.subplots(1, 2, sharey=True), {}
    for axes, (side, stream) in zip(panels, POOLED.items(), strict=True):
        for label, atlas, colour in sources.each():
            reader = atlas.part(GeometryReader)
            best = np.full(atlas.d_sae, np.nan)
            for feature in range(atlas.d_sae):
                own = [abs(n.correlation) for n in reader.neurons(feature) if n.stream == stream]
                best[feature] = max(own, default=np.nan)
            histogram(axes, best, label, colour, 0, 1)
            weak = reader.summary["neurons"][stream]["weak"].get(atlas.hook)
            numbers[f"{label}, {side}"] = weak
        axes.axvline(0.3, color="0.2", linewidth=1)
        axes.set(title=side, xlabel="largest |r| with a dimension of the backbone")
        axes.legend()
    return numbers


def superposition(figure: Figure, sources: Sources) -> dict[str, Any]:
    from mmfeat.analysis.superposition import interference
    from mmfeat.atlas.geometry import GeometryReader

    left, right = figure.subplots(1, 2)
    numbers: dict[str, Any] = {}
    for label, atlas, colour in sources.each():
        reader = atlas.part(GeometryReader)
        histogram(left, reader.column("interference_max"), label, colour, 0, 1)
        numbers[label] = reader.summary["superposition"] | {
            "linearity": reader.summary["linearity"]
        }
    own = numbers["this SAE"]
    drawn = np.random.default_rng(0).standard_normal((own["alive"], own["dimensions"]))
    numbers["random"] = histogram(left, interference(drawn).largest, "random", GREY * 0.6, 0, 1)
    reader = sources.atlas.part(GeometryReader)
    for side, colour in (("image", BLUE), ("text", GREEN)):
        label = {"image": "pictures", "text": "captions"}[side]
        histogram(right, reader.column(f"linearity_{side}"), label, colour, 0, 1)
    left.set_xlabel("largest |cosine| with another decoder row")
    right.set_xlabel("dose-response of this SAE: R² of a line")
    left.legend(loc="upper right", fontsize=6.5)
    right.legend()
    return numbers


def positions(figure: Figure, sources: Sources) -> dict[str, Any]:
    from matplotlib.colors import ListedColormap

    from mmfeat.atlas.positions import Positions

    reader = sources.atlas.part(Positions)
    one, other = figure.subfigures(1, 2, width_ratios=(2.6, 1))
    panels = [*one.subplots(1, 4), other.subplots()]
    numbers: dict[str, Any] = {}
    patch = reader.columns("image.patch") | {"mass": []}
    every = [reader.of("image.patch", f).mass for f in range(sources.atlas.d_sae)]
    every = [np.full((1, 1), np.nan) if mass is None else mass for mass in every]
    focus = np.nan_to_num(patch["concentration"])
    order = np.argsort(-focus, kind="stable")[np.sort(-focus) < 0]
    chosen = order[[0, len(order) // 2, -1]].tolist()
    table = ListedColormap(palettes.HEAT / 255)
    mean = np.nanmean([mass for mass in every if np.isfinite(mass).all()], axis=0)
    maps = [("mean of all features", mean)]
    maps += [(f"{named(sources.atlas, f)}\nconcentration {focus[f]:.2f}", every[f]) for f in chosen]
    top = max(float(np.nanmax(mass)) for _, mass in maps)
    for axes, (title, mass) in zip(panels, maps, strict=False):
        drawn = axes.imshow(mass, table, vmin=0, vmax=top)
        axes.set_title(title, fontsize=6)
        axes.set_xticks([])
        axes.set_yticks([])
        numbers[title] = [round(float(mass.min()), 4), round(float(mass.max()), 4)]
    one.colorbar(drawn, ax=panels[:4], location="bottom", aspect=50, label="share of activation")
    tokens = [reader.of("text.token", f) for f in range(sources.atlas.d_sae)]
    away = [np.nan_to_num(np.abs(own.parts - own.parts_base)).sum() for own in tokens]
    fires = [np.nanmax(own.rate) >= 0.005 for own in tokens]
    feature = int(np.argmax(np.where(fires, away, -1)))
    parts, base = tokens[feature].parts, tokens[feature].parts_base
    fifths = [f"{i}." for i in range(1, len(parts) + 1)]
    bars(panels[4], [("its firings", parts, BLUE), ("all tokens", base, GREY)], fifths)
    panels[4].set_title(f"tokens of\n{named(sources.atlas, feature)}", fontsize=6)
    panels[4].set(xlabel="fifth of the caption", ylabel="share")
    headroom(panels[4], 1.3)
    panels[4].legend()
    numbers |= {"tokens of": named(sources.atlas, feature), "parts": parts.round(3).tolist()}
    numbers["base"] = base.round(3).tolist()
    numbers["median concentration"] = {
        stream: float(np.nanmedian(reader.columns(stream)["concentration"]))
        for stream in reader.streams
    }
    return numbers


# Concepts -------------------------------------------------------------------------------


def absorption(figure: Figure, sources: Sources) -> dict[str, Any]:
    from mmfeat.atlas.concepts import Concepts

    left, right = figure.subplots(1, 2)
    reader = sources.atlas.part(Concepts)
    series, tops = [], np.arange(1, 9)
    numbers: dict[str, Any] = dict(reader.absorption_summary)
    for (side, stream), colour in zip(POOLED.items(), (BLUE, ORANGE), strict=True):
        found = reader.absorption(stream)
        left.scatter(found.control, found.share, s=9, linewidths=0, color=colour, label=side)
        count = np.bincount(found.splitting[found.splitting > 0], minlength=9)[1:9]
        series.append((side, count / max(1, count.sum()), colour))
        both = np.isfinite(found.share) & np.isfinite(found.control)
        numbers[f"{side}, share above control"] = (
            f"{int((found.share[both] > found.control[both]).sum())} of {int(both.sum())}"
        )
        numbers[f"{side}, best F1"] = float(np.nanmedian(np.fmax.reduce(found.f1, axis=1)))
    left.plot([0, 1], [0, 1], "-", color="0.6", linewidth=0.8)
    left.set(xlabel="control: share on a related value", ylabel="share absorbed")
    left.legend()
    bars(right, series, [str(n) for n in tops])
    right.legend()
    right.set(xlabel="splitting: features of a label", ylabel="share of labels")
    return numbers
