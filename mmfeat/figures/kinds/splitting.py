"""How features of a small SAE become several of larger ones: trees across sizes."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Int
from pydantic import Field

from mmfeat import provenance
from mmfeat.analysis.splitting import Node, Step, summary, tree
from mmfeat.atlas.comparison_reader import Comparison
from mmfeat.atlas.reader import Atlas
from mmfeat.errors import MmfeatError
from mmfeat.figures import output, sheet, typeset
from mmfeat.figures.heatmap import decode_png
from mmfeat.figures.kind import Drawing, FigureKind, FigureSettings
from mmfeat.figures.pages import title_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TREES = 3  # drawn where no feature is named
MOST_LEAVES = 64
_SIDE, _LEAST = 0.2, 0.8  # inches of a picture, and of a column at least
_TYPE, _ROW, _GAP = 0.75, 0.29, 0.12


class SplittingSettings(FigureSettings):
    """Options of the trees of splitting."""

    feature: tuple[int, ...] = Field(
        (),
        description="Feature of the smallest SAE; repeat for several. [those that split most]",
    )
    chain: int = Field(0, ge=0, description="Which SAEs of one hook point, where there are more.")
    atlas: tuple[Path, ...] = Field(
        (), description="Atlas that was compared, for names and pictures; repeat for several."
    )


def draw(path: Path, settings: SplittingSettings) -> Drawing:
    """Draw the trees that `mmfeat compare` found in SAEs of ascending size.

    A feature hangs on the one of the next smaller SAE whose direction is nearest, if that is
    near enough and fires where it fires, too: the cosine, and the share of firings within.

    Raises
    ------
    MmfeatError
        If the comparison has no such chain or feature, an atlas was not compared, or the
        trees are too large to be drawn.
    """
    with ExitStack() as stack:
        compared = stack.enter_context(Comparison(path))
        if settings.chain >= len(compared.chains):
            raise MmfeatError(
                f"{path} has {len(compared.chains)} chains of SAEs of different sizes, and no "
                f"chain {settings.chain}; compare atlases of one hook point with other d_sae."
            )
        chain, steps = compared.chains[settings.chain], compared.steps(settings.chain)
        atlases = [stack.enter_context(Atlas(one)) for one in settings.atlas]
        levels = _levels(compared, chain, atlases)
        sizes = [compared.atlases[at].d_sae for at in chain]
        leaves = leaf_counts(steps, sizes[0])
        roots = list(dict.fromkeys(settings.feature)) or _most(leaves)
        for feature in roots:
            if not 0 <= feature < sizes[0]:
                raise MmfeatError(
                    f"The smallest SAE of {path} has no feature {feature}; give one from 0 to "
                    f"{sizes[0] - 1}."
                )
        total = int(leaves[roots].sum())
        if total > MOST_LEAVES:
            raise MmfeatError(
                f"These trees have {total:,} leaves, and {MOST_LEAVES} can be read; give fewer "
                "--feature."
            )
        heads = [_head(compared, chain, steps, level) for level in range(len(chain))]
        figure = _draw(
            levels, heads, [tree(steps, 0, root) for root in roots], path, settings.inches
        )
        return Drawing(
            figure,
            f"Feature splitting from {sizes[0]:,} to {sizes[-1]:,} features",
            {"sizes": sizes, "features": [int(root) for root in roots], "leaves": total},
        )


def leaf_counts(steps: Sequence[Step], roots: int) -> Int[np.ndarray, "roots"]:
    """Return how many leaves hang on each feature of the smallest SAE, itself if it is one."""
    count = np.ones(len(steps[-1].parent), np.int64)
    for at in range(len(steps) - 1, -1, -1):
        parent = steps[at].parent
        parents = len(steps[at - 1].parent) if at else roots
        known = parent >= 0
        below = np.bincount(parent[known], count[known], parents).astype(np.int64)
        count = np.maximum(below, 1)
    return count


def _most(leaves: Int[np.ndarray, "roots"]) -> list[int]:
    """Return the features that split most, as many as can be read."""
    order = np.argsort(-leaves, kind="stable")[:_TREES]
    fits = np.cumsum(leaves[order]) <= MOST_LEAVES
    found: list[int] = order[fits].tolist() or [int(np.argmin(leaves))]
    return found


def _levels(
    compared: Comparison, chain: Sequence[int], atlases: Sequence[Atlas]
) -> list[Atlas | None]:
    """Return the atlas of each SAE of a chain, where it is given."""
    by_digest = {atlas.digest: atlas for atlas in atlases}
    known = {one.digest for one in compared.atlases}
    for digest, atlas in by_digest.items():
        if digest not in known:
            raise MmfeatError(
                f"{atlas.path} is none of the atlases of {compared.path}; give those that were "
                "compared."
            )
    return [by_digest.get(compared.atlases[at].digest) for at in chain]


def _head(
    compared: Comparison, chain: Sequence[int], steps: Sequence[Step], level: int
) -> list[str]:
    """Return what stands above a column: the size, and how many features have a parent."""
    size = f"{compared.atlases[chain[level]].d_sae:,} features"
    if not level:
        return [size]
    old, young = chain[level - 1], chain[level]
    alive = int(compared.alive(young).sum())
    told = summary(steps[level - 1], alive, compared.atlases[old].d_sae)
    texts = [size, f"{int(told['with_parent']):,} have a parent"]
    partners = compared.partners(min(old, young), max(old, young), "cosine")
    if partners is not None:
        own = partners.matching.nearest_b if old < young else partners.matching.nearest_a
        known = own.chance[np.isfinite(own.chance)]
        if len(known):
            texts.append(f"cosine by chance {np.median(known):.2f}")
    return texts


def _draw(
    levels: Sequence[Atlas | None],
    heads: Sequence[Sequence[str]],
    trees: Sequence[Node],
    path: Path,
    width: float,
) -> Figure:
    if width < _LEAST * len(levels):
        raise MmfeatError(
            f"{len(levels)} sizes do not fit {width:.1f} inches; give a larger --width."
        )
    version = provenance.versions().get("mmfeat", "")
    credits = dict.fromkeys(output.plain(one.attribution) for one in levels if one)
    lines = [
        "Numbers: feature, cosine with its parent, share of its firings on which the parent "
        "fires, too.",
        *filter(None, credits),
        " · ".join(filter(None, (output.plain(path.name), f"mmfeat {version}".strip()))),
    ]
    top = 0.1 + max(map(len, heads)) * typeset.line(_TYPE)
    rows = sum(map(_leaves, trees))
    height = top + _ROW * rows + _GAP * len(trees)
    figure = sheet.sheet(width, height + sheet.foot_height(lines, width))
    across = (width - sheet.MARGIN) / len(levels)
    for at, texts in enumerate(heads):
        for place, text in enumerate(texts):
            shown = typeset.clip(text, across - 0.06, _TYPE)
            y = 0.04 + place * typeset.line(_TYPE)
            sheet.write(figure, sheet.MARGIN + across * at, y, shown, _TYPE,
                        color=sheet.GREY if place else "0")  # fmt: skip
    y = top
    for one in trees:
        _tree(figure, levels, one, y, across)
        y += _ROW * _leaves(one) + _GAP
    sheet.foot(figure, lines)
    return figure


def _leaves(node: Node) -> int:
    return max(1, sum(map(_leaves, node.children)))


def _tree(
    figure: Figure, levels: Sequence[Atlas | None], node: Node, top: float, across: float
) -> float:
    """Draw a tree from the top down, and return where its root is."""
    y, places = top, []
    for child in node.children:
        places.append(_tree(figure, levels, child, y, across))
        y += _ROW * _leaves(child)
    middle = (places[0] + places[-1]) / 2 if places else top + _ROW / 2
    x = sheet.MARGIN + across * node.level
    end = _node(figure, levels[node.level], node, x, middle, across - 0.16)
    for place in places:
        _edge(figure, (end + 0.02, middle), (x + across - 0.03, place), x + across - 0.1)
    return middle


def _node(
    figure: Figure, atlas: Atlas | None, node: Node, x: float, y: float, across: float
) -> float:
    """Draw a feature, and return where it ends."""
    title, left = f"feature {node.feature}", x
    if atlas is not None:
        title = output.plain(title_of(atlas.names(node.feature), node.feature))
        examples = atlas.image_examples(node.feature)
        thumbnail = atlas.thumbnail(examples[0].item) if examples else None
        pixels = None if thumbnail is None else decode_png(thumbnail)
        sheet.picture(figure, x, y - _SIDE / 2, _SIDE, pixels)
        left += _SIDE + 0.04
    texts = [] if title == f"feature {node.feature}" else [str(node.feature)]
    if np.isfinite(node.cosine):
        texts.append(f"{node.cosine:.2f}")
    if np.isfinite(node.contained):
        texts.append(f"{node.contained:.0%}")
    room = x + across - left
    shown = [typeset.clip(text, room, _TYPE) for text in (title, ", ".join(texts))]
    over = {"va": "bottom"} if shown[1] else {"va": "center"}
    sheet.write(figure, left, y - 0.005 * bool(shown[1]), shown[0], _TYPE, **over)
    if shown[1]:
        sheet.write(figure, left, y + 0.015, shown[1], _TYPE, color=sheet.GREY)
    return left + max(typeset.wide(text, _TYPE) for text in shown)


def _edge(
    figure: Figure, start: tuple[float, float], end: tuple[float, float], bend: float
) -> None:
    from matplotlib.lines import Line2D

    wide, high = figure.get_size_inches()
    bend = max(bend, start[0])
    x = np.array([start[0], bend, bend, end[0]]) / wide
    y = 1 - np.array([start[1], start[1], end[1], end[1]]) / high
    figure.add_artist(
        Line2D(x, y, color="0.5", linewidth=0.6, transform=figure.transFigure, zorder=0)
    )


KIND = FigureKind(
    "Draw how features split in larger SAEs.", SplittingSettings, draw, source="COMPARISON"
)
