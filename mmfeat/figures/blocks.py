"""A figure as blocks below each other, each as high as what it holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mmfeat.figures import sheet, typeset

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HEADING = 0.85
_GAP = 0.09  # inches between blocks


@dataclass(frozen=True)
class Block:
    """A part of a figure: its height in inches, and what draws it so far from the top."""

    height: float
    draw: Callable[[Figure, float], None]


def stack(width: float, blocks: Sequence[Block], foot: Sequence[str]) -> Figure:
    """Draw blocks below each other, and lines at the foot."""
    used = [block for block in blocks if block.height > 0]
    height = sheet.MARGIN + sum(block.height + _GAP for block in used)
    figure = sheet.sheet(width, height + sheet.foot_height(foot, width))
    y = sheet.MARGIN
    for block in used:
        block.draw(figure, y)
        y += block.height + _GAP
    sheet.foot(figure, foot)
    return figure


def headed(title: str, block: Block, also: Callable[[Figure, float], None] | None = None) -> Block:
    """Return a block under a heading; `also` draws at the right of it."""
    if block.height <= 0:
        return block
    step = typeset.line(HEADING)

    def draw(figure: Figure, y: float) -> None:
        sheet.write(figure, sheet.MARGIN, y, title, HEADING, weight="bold")
        if also is not None:
            also(figure, y)
        block.draw(figure, y + step)

    return Block(step + block.height, draw)


def beside(blocks: Sequence[Block]) -> Block:
    """Return blocks that stand beside each other; each knows its own left."""

    def draw(figure: Figure, y: float) -> None:
        for block in blocks:
            block.draw(figure, y)

    return Block(max((block.height for block in blocks), default=0.0), draw)
