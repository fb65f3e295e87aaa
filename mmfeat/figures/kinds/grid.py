"""Features below each other, beside each the picture and the captions on which it fires most."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from mmfeat.atlas.reader import Atlas
from mmfeat.corpus.languages import is_rtl, language_name
from mmfeat.errors import MmfeatError
from mmfeat.figures import choice, output, palettes, pictures, sheet, typeset
from mmfeat.figures.blocks import Block, stack
from mmfeat.figures.kind import Drawing, FigureKind, FigureSettings
from mmfeat.figures.pages import CaptionExample, FeaturePage, distinct, feature_page

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_FEATURES = 6
_MOST = 40  # rows
_LEAST = 0.55  # inches of a column of captions
_USUAL = (0.58, 0.95)  # where the languages are not named, in a narrow and in a wide figure
_SMALL, _CAPTION = 0.72, 0.85
_CAPTIONS, _LINES = 3, 4  # of a language at most; of a caption
_GAP = 0.08
_APART = 0.03  # inches between two captions
_BAR = 0.05


class GridSettings(FigureSettings):
    """Options of the grid."""

    feature: tuple[int, ...] = Field(
        (), description="Index of a feature; repeat for several. [shared ones of large effect]"
    )
    language: tuple[str, ...] = Field(
        (), description="Language of a column; repeat for several. [as many as fit]"
    )


def draw(path: Path, settings: GridSettings) -> Drawing:
    """Draw a row a feature: its name, its strongest picture, and its strongest captions.

    Heat maps and shaded tokens are relative to the feature's largest activation; bars show how
    often it fires, relative to the most in the figure.

    Raises
    ------
    MmfeatError
        If there is no such feature or language, or they do not fit.
    """
    width = settings.inches
    narrow = width < sheet.NARROW
    name, side = (0.62, 0.5) if narrow else (0.95, 0.62)
    free = width - 2 * sheet.MARGIN - name - side - 2 * _GAP
    with Atlas(path) as atlas:
        fit = max(1, math.floor((free + _GAP) / (_USUAL[not narrow] + _GAP)))
        tags = choice.languages(atlas, settings.language, fit, fit)
        wide = (free + _GAP) / max(len(tags), 1) - _GAP
        if tags and wide < _LEAST:
            most = math.floor((free + _GAP) / (_LEAST + _GAP))
            raise MmfeatError(
                f"{len(tags)} languages do not fit a figure {25.4 * width:.0f} mm wide; give up "
                f"to {most}, or a larger --width."
            )
        features = list(dict.fromkeys(settings.feature))
        if len(features) > _MOST:
            raise MmfeatError(f"{len(features)} features do not fit; give up to {_MOST}.")
        features = features or choice.shared_features(atlas, _FEATURES)
        if not features:
            raise MmfeatError(f"{path} has no shared feature with a name; give some by --feature.")
        pages = [feature_page(atlas, feature) for feature in features]
        shared = atlas.by_language()["shared"][features].astype(bool)
        columns = {tag: shared[:, atlas.languages.index(tag)] for tag in tags}
        foot = [output.plain(atlas.attribution), output.provenance_line(atlas)]
    rates = [(page.firing_image, *(page.firing_by_language[tag] for tag in tags)) for page in pages]
    grid = _Grid(settings, tags, name, side, wide, float(np.nanmax(rates, initial=0)))
    rows = [
        grid.row(page, [bool(columns[tag][at]) for tag in tags]) for at, page in enumerate(pages)
    ]
    return Drawing(
        stack(width, [grid.key(), grid.head(), *rows], [line for line in foot if line]),
        f"Features {', '.join(map(str, features))}",
        {"features": features, "languages": tags},
    )


class _Grid:
    """Where columns stand, and how a row is drawn."""

    def __init__(
        self,
        settings: GridSettings,
        tags: Sequence[str],
        name: float,
        side: float,
        wide: float,
        most: float,
    ) -> None:
        self.width, self.dpi = settings.inches, settings.dpi
        self.tags, self.name, self.side, self.wide, self.most = tags, name, side, wide, most
        self.picture = sheet.MARGIN + name + _GAP
        first = self.picture + side + _GAP
        self.lefts = [first + at * (wide + _GAP) for at in range(len(tags))]

    def key(self) -> Block:
        """Say what colours and bars mean, in as many lines as it takes."""
        step = typeset.line(_SMALL)
        bars = "bars: how often it fires; filled where captions share it with pictures"
        lines = typeset.fold(bars, self.width - 2 * sheet.MARGIN, _SMALL)
        text = "activation, of its largest"
        beside = typeset.wide(bars, _SMALL) + pictures.key_width(text, 1.0) + 0.2
        apart = len(lines) > 1 or beside > self.width - 2 * sheet.MARGIN

        def draw(figure: Figure, y: float) -> None:
            for at, line in enumerate(lines):
                sheet.write(figure, sheet.MARGIN, y + at * step, line, _SMALL, color=sheet.GREY)
            top = y + apart * len(lines) * step
            pictures.key(figure, self.width - sheet.MARGIN, top, text, 1.0)

        return Block((len(lines) + apart) * step - 0.04, draw)

    def head(self) -> Block:
        """Name the columns."""
        step = typeset.line(_SMALL)

        def draw(figure: Figure, y: float) -> None:
            sheet.write(figure, sheet.MARGIN, y, "feature", _SMALL, weight="bold")
            sheet.write(figure, self.picture, y, "picture", _SMALL, weight="bold")
            for tag, left in zip(self.tags, self.lefts, strict=True):
                name = language_name(tag)
                text = typeset.clip(tag if name == tag else f"{tag} {name}", self.wide, _SMALL)
                at, ha = (left + self.wide, "right") if is_rtl(tag) else (left, "left")
                sheet.write(figure, at, y, text, _SMALL, weight="bold", ha=ha)
            _rule(figure, self.width, y + step)

        return Block(step, draw)

    def row(self, page: FeaturePage, shared: Sequence[bool]) -> Block:
        """Draw a feature."""
        title = output.plain(page.title)
        names = typeset.fold(title, self.name, _CAPTION, most=3)
        step, under = typeset.line(_CAPTION), 0.03 + typeset.line(_SMALL)
        captions = [self._captions(page, tag) for tag in self.tags]
        texts = [
            sum(lines for _, lines in own) * step + (len(own) - 1) * _APART for own in captions
        ]
        left = len(names) * step + typeset.line(_SMALL)
        content = max(self.side, left - under, *texts)

        def draw(figure: Figure, y: float) -> None:
            for at, text in enumerate(names):
                typeset.caption(
                    figure, sheet.MARGIN, y + at * step, text, width=self.name, factor=_CAPTION
                )
            if title != f"feature {page.feature}":
                number, top = f"feature {page.feature}", y + len(names) * step
                sheet.write(figure, sheet.MARGIN, top, number, _SMALL, color=sheet.GREY)
            self._picture(figure, page, y)
            bars = y + content + 0.03
            self._bar(figure, self.picture, bars, self.side, page.firing_image, True)
            for own, tag, x, fills in zip(captions, self.tags, self.lefts, shared, strict=True):
                self._bar(figure, x, bars, self.wide, page.firing_by_language[tag], fills)
                top = y
                for example, _ in own:
                    top += _APART + typeset.caption(
                        figure, x, top, example.text, example.tokens, width=self.wide,
                        rtl=is_rtl(tag), largest=page.max_token, factor=_CAPTION, most=_LINES,
                    )  # fmt: skip
            _rule(figure, self.width, y + content + under + 0.045)

        return Block(content + under, draw)

    def _captions(self, page: FeaturePage, tag: str) -> list[tuple[CaptionExample, int]]:
        """Return the strongest captions that stand beside the picture, and the lines of each."""
        found: list[tuple[CaptionExample, int]] = []
        height = 0.0
        for example in distinct(page.columns[tag], _CAPTIONS):
            lines = len(typeset.fold(example.text, self.wide, _CAPTION, _LINES))
            height += lines * typeset.line(_CAPTION) + _APART
            if found and height - _APART > self.side:
                break
            found.append((example, lines))
        return found

    def _picture(self, figure: Figure, page: FeaturePage, y: float) -> None:
        best = page.pictures[:1]
        if not best or best[0].thumbnail is None:
            pictures.missing(figure, self.picture, y, self.side)
            return
        pixels = round(self.side * self.dpi)
        picture = pictures.heated(best[0].thumbnail, best[0].patch_map, page.max_patch, pixels)
        pictures.place(figure, self.picture, y, picture, self.dpi)

    def _bar(
        self, figure: Figure, x: float, y: float, width: float, rate: float, filled: bool
    ) -> None:
        from matplotlib.patches import Rectangle

        wide, high = figure.get_size_inches()
        text = f"{100 * rate:.2g} %" if math.isfinite(rate) else "–"
        sheet.write(figure, x + width, y, text, _SMALL, ha="right", color=sheet.GREY)
        width -= typeset.wide("8.88 %", _SMALL) + 0.03
        y += (typeset.line(_SMALL) - _BAR) / 2
        colour = palettes.CATEGORIES[2 if x == self.picture else 1] / 255
        shares: list[tuple[float, dict[str, Any]]] = [
            (1.0, {"facecolor": "0.93", "edgecolor": "none"})
        ]
        if rate > 0:
            face = colour if filled else "1"
            shares.append((rate / self.most, {"facecolor": face, "edgecolor": colour}))
        for share, style in shares:
            corner = x / wide, 1 - (y + _BAR) / high
            size = share * width / wide, _BAR / high
            figure.add_artist(
                Rectangle(corner, *size, lw=0.5, transform=figure.transFigure, **style)
            )


def _rule(figure: Figure, width: float, y: float) -> None:
    from matplotlib.lines import Line2D

    high = figure.get_size_inches()[1]
    x = [sheet.MARGIN / width, 1 - sheet.MARGIN / width]
    line = Line2D(x, [1 - y / high] * 2, color="0.8", lw=0.4, transform=figure.transFigure)
    figure.add_artist(line)


KIND = FigureKind("Draw features beside pictures and captions.", GridSettings, draw)
