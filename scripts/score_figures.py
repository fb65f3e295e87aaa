"""Draw the example figures of docs/scores: one for a page, named as the page is.

Where `mmfeat export` draws what a page is about, the page shows docs/gallery instead.
Everything is drawn from an atlas, a second one of a naive SAE on the same rows beside it where
that is given; the figure of comparing SAEs needs a comparison. The numbers that a figure shows
are printed as JSON.

    python scripts/score_figures.py --atlas mmfeat-demo/atlas.h5 --out docs/scores/images
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import score_drawings as drawings
from score_drawings import BLUE, DARK, GREEN, GREY, NAMED, ORANGE, POOLED, Sources, bars, named

from mmfeat.figures import output

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from mmfeat.atlas.comparison_reader import Comparison

WIDTH, DPI, FOOT = 8.0, 150, 0.16  # inches, pixels an inch, inches for provenance
PICTURES = 40  # of test items, whose features attribution is tried on


# Concepts, names and search -------------------------------------------------------------


def purity(figure: Figure, sources: Sources) -> dict[str, Any]:
    from mmfeat.atlas.concepts import Concepts

    left, right = figure.subplots(1, 2)
    reader, numbers = sources.atlas.part(Concepts), {}
    wanted = "group" if "group" in reader.attributes else reader.attributes[0]
    for (side, stream), colour in zip(POOLED.items(), (BLUE, ORANGE), strict=True):
        found = [
            one
            for feature in range(sources.atlas.d_sae)
            for one in reader.purity(stream, feature)
            if one.attribute == wanted
        ]
        share = np.stack([one.share for one in found])[:, ::-1]  # the lowest band first
        low, middle, high = np.nanquantile(share, (0.25, 0.5, 0.75), axis=0)
        at = np.arange(1, share.shape[1] + 1) + (0.06 if side == "captions" else -0.06)
        ends = [middle - low, high - middle]
        left.errorbar(at, middle, ends, fmt="o-", color=colour, label=f"{side}, quartiles")
        base = float(np.nanmedian([one.base for one in found]))
        left.axhline(base, color=colour, linestyle=":", linewidth=1)
        monotone = np.array([one.monotone for one in found])
        drawings.histogram(right, monotone, side, colour, -1.02, 1.02)
        numbers[side] = {
            "features": len(found), "share": middle.round(3).tolist(), "base": round(base, 3),
            "rising": round(float((monotone[np.isfinite(monotone)] > 0).mean()), 3),
            "scored in the top band": int(np.isfinite(share[:, -1]).sum()),
        }  # fmt: skip
    left.set_xticks(range(1, share.shape[1] + 1), ["lowest", "2.", "3.", "highest"])
    left.set(xlabel="band of activation", ylabel=f"share of rows with its {wanted}", ylim=(0, 1.02))
    left.legend(loc="upper left")
    right.set_xlabel("monotone: Kendall's tau of share and band")
    right.legend(loc="upper left")
    return numbers


def downstream(figure: Figure, sources: Sources) -> dict[str, Any]:
    from mmfeat.atlas.concepts import Concepts

    left, right = figure.subplots(1, 2, width_ratios=(3, 1))
    scores = sources.atlas.part(Concepts).downstream
    tags = (*sources.atlas.languages, "mean")
    spaces = dict(
        zip(("raw", "centred", "reconstruction", "code"), (GREY, DARK, GREEN, ORANGE), strict=True)
    )
    recall = {name: scores["caption_to_picture"][name]["recall@1"] for name in spaces}
    given = [(n, drawings.languages_of(recall[n], tags), colour) for n, colour in spaces.items()]
    bars(left, given, tags)
    left.set(ylabel="recall@1, caption to picture", ylim=(0, 1))
    left.legend(ncols=4, loc="upper center")
    group = scores.get("zero_shot_group", {})
    kept = {n: group[n]["accuracy"]["mean"] for n in spaces if n in group}
    right.bar(range(len(kept)), list(kept.values()), color=[spaces[n] for n in kept])
    right.set_xticks(range(len(kept)), list(kept), rotation=90)
    right.set(ylabel="zero-shot by group, accuracy", ylim=(0, 1))
    chance = group["code"]["chance"]["mean"] if kept else float("nan")
    right.axhline(chance, color="0.2", linestyle=":", linewidth=1)
    return {
        "recall@1": {name: values[-1] for name, values, _ in given}, "by group": kept,
        "chance": chance,
    }  # fmt: skip


def monosemanticity(figure: Figure, sources: Sources) -> dict[str, Any]:
    from mmfeat.atlas.concepts import Concepts

    numbers: dict[str, Any] = {}
    for axes, name in zip(figure.subplots(1, 3), ("image", "text", "across"), strict=True):
        for label, atlas, colour in sources.each():
            values = atlas.part(Concepts).monosemanticity()[name]
            middle = drawings.histogram(axes, values, label, colour, -0.2, 1)
            numbers[f"{label}, {name}"] = [middle, int(np.isfinite(values).sum())]
        axes.axvline(0, color="0.6", linewidth=0.8)
        axes.set_xlabel(f"monosemanticity, {name}")
        drawings.headroom(axes, 1.35)
        axes.legend(fontsize=6.5)
    return numbers


def names(figure: Figure, sources: Sources) -> dict[str, Any]:
    from mmfeat.atlas.names import Names

    left, right = figure.subplots(1, 2, width_ratios=(1, 2.1))
    atlas, reader = sources.atlas, sources.atlas.part(Names)
    measured = [reader.measured(feature) for feature in range(atlas.d_sae)]
    for side, colour in (("image", BLUE), ("text", ORANGE)):
        values = [[one[f"auroc_{side}"] for one in own.values()] for own in measured]
        label = {"image": "pictures", "text": "captions"}[side]
        drawings.histogram(left, np.ravel(values), label, colour, 0, 1)
    left.axvline(0.5, color="0.6", linewidth=0.8)
    left.set(xlim=(0.4, 1), xlabel="AUROC of a name on test concepts", ylabel="share of names")
    left.legend(loc="upper left")
    right.set_axis_off()
    tags = [tag for tag in NAMED if tag in atlas.languages]
    rows = []
    for feature in sources.examples[:: max(1, len(sources.examples) // 6)][:6]:
        own, known = atlas.names(feature), measured[feature]
        mean = np.nanmean([known[t][f"auroc_{s}"] for t in tags for s in ("image", "text")])
        rows.append([str(feature), *(drawings.cut(own[t][0], 17) for t in tags), f"{mean:.2f}"])
    table = right.table(
        rows, colLabels=["feature", *tags, "AUROC"], loc="center", cellLoc="left",
        colWidths=[0.1, *[0.8 / len(tags)] * len(tags), 0.1], edges="horizontal",
    )  # fmt: skip
    table.auto_set_font_size(False)
    table.set_fontsize(6.5)
    table.scale(1, 1.5)
    return {"rows": rows, "mean": reader.evaluation["mean"]}


def search(figure: Figure, sources: Sources) -> dict[str, Any]:
    from mmfeat.atlas.search import Search

    axes = figure.subplots()
    atlas, value = sources.atlas, sources.drink
    found = Search(atlas).by_attribute("subgroup", value, top=8)[::-1]
    place = range(len(found))
    axes.barh(place, [one.score for one in found], color=BLUE)
    korean = [atlas.names(one.feature).get("ko", ("",))[0] for one in found]
    label = [
        f"{named(atlas, one.feature)} · {drawings.cut(text, 20)}"
        for one, text in zip(found, korean, strict=True)
    ]
    axes.set_yticks(place, label)
    for at, one in zip(place, found, strict=True):
        said = f" fires on {one.positive_rate:.0%}, on the rest {one.negative_rate:.1%}"
        axes.text(max(one.score, 0), at, said, va="center", fontsize=6.5)
    most = max(one.score for one in found)
    axes.set(xlim=(0, 1.45 * most), xlabel=f"contrast of items with subgroup={value} and the rest")
    return {
        "subgroup": value,
        "found": [
            [named(atlas, one.feature), round(one.score, 3), round(one.positive_rate, 3),
             round(one.negative_rate, 4)] for one in found[::-1]
        ],
    }  # fmt: skip


# With the backbone ----------------------------------------------------------------------


def attribution(figure: Figure, sources: Sources) -> dict[str, Any]:
    from mmfeat.analysis.interventions import attribution as behind
    from mmfeat.analysis.interventions.retrieval import joint_rows
    from mmfeat.atlas.encoder import open_encoder
    from mmfeat.atlas.lookup import picture_of

    atlas = sources.atlas
    encoder = open_encoder(atlas, None)
    backbone, trained = encoder.backbone, encoder.trained
    tag = "en" if "en" in atlas.languages else atlas.languages[0]
    test = [i for i, split in enumerate(atlas.items().split) if split == "test"]
    drawn = np.random.default_rng(0).permutation(test)[:PICTURES].tolist()
    groups, found = {POOLED["pictures"]: 0}, []
    for item in drawn:
        own = [one.text for one in atlas.captions_of(item) if one.language == tag]
        if not own or atlas.thumbnail(item) is None:
            continue
        target = joint_rows(backbone, backbone.prepare_texts(own[:1]))[0]
        picture = backbone.prepare_images([picture_of(atlas, item)])
        metric = behind.cosine_metric(backbone, picture, target)
        given = behind.attribute(metric, trained, atlas.hook, groups)
        count = len(given.features)
        tried = behind.ablate(metric, trained, atlas.hook, groups, given, top=0, sample=count)
        found.append((given.activation, given.attribution, tried.ablation))
    activation, estimate, ablation = (np.concatenate(part) for part in zip(*found, strict=True))
    panels, numbers = figure.subplots(1, 2, sharey=True), {}
    for axes, x, label in zip(
        panels, (estimate, activation), ("attribution", "activation"), strict=True
    ):
        r = behind.correlation(x, ablation)
        axes.scatter(x, ablation, s=6, linewidths=0, color=BLUE, alpha=0.6)
        axes.set(xlabel=label, title=f"r = {r:.2f}")
        axes.axhline(0, color="0.6", linewidth=0.8)
        numbers[label] = r
    ends = [float(min(estimate.min(), 0)), float(estimate.max())]
    panels[0].plot(ends, ends, "-", color=ORANGE, linewidth=0.8)
    panels[0].set_ylabel("ablation: cosine lost without the feature")
    slope = float(np.polyfit(estimate, ablation, 1)[0])
    return numbers | {"pictures": len(found), "features": len(ablation), "slope": slope}


# Comparing SAEs -------------------------------------------------------------------------


def comparison(figure: Figure, compared: Comparison) -> dict[str, Any]:
    left, right = figure.subplots(1, 2)
    sizes = [one.d_sae for one in compared.atlases]
    # Every SAE with the first of its size.
    pairs = [(sizes.index(size), i) for i, size in enumerate(sizes) if sizes.index(size) < i]
    numbers: dict[str, Any] = {}
    known = [(p, compared.partners(*p, "cosine")) for p in pairs]
    colours = (BLUE, ORANGE, GREEN, DARK)
    for (pair, own), colour in zip([one for one in known if one[1]], colours, strict=False):
        label = " and ".join(compared.atlases[i].file.removesuffix(".h5") for i in pair)
        drawings.histogram(left, own.matching.value, label, colour, 0, 1)
        chance = float(np.nanmax(own.matching.nearest_a.chance))
        left.axvline(own.bar, color="0.2", linewidth=1)
        left.axvline(chance, color="0.2", linestyle=":", linewidth=1)
        numbers[label] = {
            "stability": own.matching.stability, "chance": chance,
            "matched": float((own.matching.value >= own.bar).mean()),
            "unique": [int(own.unique_a.sum()), int(own.unique_b.sum())],
        }  # fmt: skip
    left.set(xlabel="cosine of matched features", ylabel="share of matches")
    drawings.headroom(left, 1.5)
    left.legend(fontsize=6.5, loc="upper left")
    series = []
    for chain, own in enumerate(compared.chains):
        for level, step in enumerate(compared.steps(chain), 1):
            parents, size = sizes[own[level - 1]], sizes[own[level]]
            children = step.children(parents)[compared.alive(own[level - 1])]
            label = f"{parents} to {size} features"
            share = np.bincount(np.minimum(children, 5), minlength=6) / max(1, len(children))
            series.append((label, share, colours[len(series) % 4]))
            numbers[label] = {
                "children": children.mean(), "several": float((children > 1).mean()),
                "with a parent": int((step.parent >= 0).sum()),
            }  # fmt: skip
    if series:
        bars(right, series, ["0", "1", "2", "3", "4", "5+"])
        right.legend()
    right.set(xlabel="children of a feature in the next larger SAE", ylabel="share of features")
    return numbers


HEIGHTS: dict[Callable[[Figure, Sources], dict[str, Any]], float] = {
    drawings.cofiring: 3.0, drawings.consistency: 3.6,
    drawings.bridge: 3.0, drawings.cknna: 2.8, drawings.neurons: 2.8,
    drawings.superposition: 2.8, drawings.positions: 2.5, drawings.absorption: 3.0,
    purity: 3.0, downstream: 3.0, monosemanticity: 2.8,
    names: 3.0, search: 2.8, attribution: 3.0,
}  # fmt: skip


def figures(given: argparse.Namespace) -> dict[str, Any]:
    """Draw every figure, and return the numbers they show."""
    from contextlib import ExitStack

    import matplotlib
    from matplotlib.figure import Figure

    from mmfeat import provenance
    from mmfeat.atlas.comparison_reader import Comparison
    from mmfeat.atlas.reader import Atlas

    numbers = {}
    with ExitStack() as stack:
        opened = {
            name: None if path is None else stack.enter_context(kind(path))
            for name, path, kind in (
                ("atlas", given.atlas, Atlas), ("naive", given.naive, Atlas),
                ("comparison", given.comparison, Comparison),
            )
        }  # fmt: skip
        inputs = {name: getattr(given, name) for name, own in opened.items() if own is not None}
        record = provenance.record("scripts/score_figures.py", {}, inputs)
        sources = Sources(opened["atlas"], opened["naive"])
        drawn = [(draw.__name__, draw, sources, height) for draw, height in HEIGHTS.items()]
        if opened["comparison"] is not None:
            drawn.append(("comparison", comparison, opened["comparison"], 3.0))
        stack.enter_context(output.style())
        stack.enter_context(
            matplotlib.rc_context(
                {
                    "axes.spines.top": False,
                    "legend.edgecolor": "none",
                    "legend.framealpha": 0.9,
                    "axes.spines.right": False,
                    "axes.titlesize": 7.5,
                }
            )
        )
        for name, draw, of, height in drawn:
            if given.only and name not in given.only:
                continue
            figure = Figure(figsize=(WIDTH, height), facecolor="white")
            figure.set_layout_engine("constrained", rect=(0, FOOT / height, 1, 1 - FOOT / height))
            numbers[name] = draw(figure, of)
            line = output.provenance_line(sources.atlas)
            figure.text(0.01, 0.05 / height, line, fontsize=5, color="0.4", va="bottom")
            output.save(figure, given.out / f"{name}.png", "png", DPI, f"Example: {name}", record)
            print(f"{name}.png", file=sys.stderr)
    return numbers


def main() -> int:
    from mmfeat.errors import MmfeatError

    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--atlas", type=Path, required=True)
    parser.add_argument("--naive", type=Path, metavar="ATLAS", help="drawn beside it")
    parser.add_argument("--comparison", type=Path, metavar="FILE", help="of mmfeat compare")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the PNGs")
    parser.add_argument("--only", action="append", metavar="NAME", help="this figure; repeatable")
    given = parser.parse_args()
    try:
        print(json.dumps(figures(given), ensure_ascii=False, default=float))
    except MmfeatError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
