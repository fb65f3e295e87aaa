"""One feature on a page: pictures, captions in its languages, charts, scores and neighbours."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from mmfeat.atlas.reader import Atlas
from mmfeat.corpus.languages import is_rtl, language_name
from mmfeat.figures import choice, feature_charts, output, palettes, pictures, sheet, typeset
from mmfeat.figures.blocks import Block, beside, headed, stack
from mmfeat.figures.kind import Drawing, FigureKind, FigureSettings
from mmfeat.figures.pages import FeaturePage, PictureExample, distinct, feature_page

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from mmfeat.atlas.concepts import AttributePurity

_SMALL = 0.72
_CAPTION = 0.85
_CAPTIONS, _LINES = 3, 2  # of a language; of a caption
_LANGUAGES = 6  # where there are too many for all
_IN_A_BAND = 5
_CELL = 0.1  # inches between cells
_NEIGHBOUR = 0.3  # inches of a neighbour's picture


class FeatureSettings(FigureSettings):
    """Options of a feature's page."""

    feature: int = Field(description="Index of the feature.")
    language: tuple[str, ...] = Field(
        (), description="Language whose captions are shown; repeat for several. [as many as fit]"
    )


@dataclass(frozen=True)
class _Layout:
    """How wide the figure is, and how many things stand beside each other."""

    width: float
    dpi: int

    @property
    def inner(self) -> float:
        return self.width - 2 * sheet.MARGIN

    @property
    def narrow(self) -> bool:
        return self.width < sheet.NARROW

    def split(self, columns: int, gap: float = _CELL) -> tuple[list[float], float]:
        """Return where columns begin, and how wide each is."""
        wide = (self.inner - (columns - 1) * gap) / columns
        return [sheet.MARGIN + at * (wide + gap) for at in range(columns)], wide


def draw(path: Path, settings: FeatureSettings) -> Drawing:
    """Draw all that is known of a feature.

    Heat maps and shaded tokens are relative to the largest activation of the feature on any
    patch, and on any token, of the atlas.

    Raises
    ------
    MmfeatError
        If there is no such feature or language.
    """
    # They load SciPy.
    from mmfeat.atlas.concepts import Concepts
    from mmfeat.atlas.language_table import LanguageTable

    layout = _Layout(settings.inches, settings.dpi)
    with Atlas(path) as atlas:
        languages = choice.languages(
            atlas, settings.language, _LANGUAGES if layout.narrow else 16, _LANGUAGES
        )
        page = feature_page(atlas, settings.feature)
        row = atlas.part(LanguageTable).row(page.feature)
        shared = atlas.by_language()["shared"][page.feature].astype(bool)
        purity = atlas.part(Concepts).purity("image.pooled", page.feature)
        image, text = (
            atlas.codes_of_feature(stream, page.feature)[1]
            if stream in atlas.streams
            else np.zeros(0, np.float32)
            for stream in ("image.pooled", "text.pooled")
        )
        halves, half = layout.split(1 if layout.narrow else 2)
        first = feature_charts.histogram(
            halves[0], half if layout.narrow else 0.72 * half, 1.35, image, text
        )
        wide = half if layout.narrow else 1.28 * half
        second = feature_charts.by_language(
            layout.width - sheet.MARGIN - wide,
            wide,
            1.35 if not layout.narrow else 1.6,
            row,
            shared,
        )
        blocks = [
            _head(page, layout),
            _pictures(page, layout),
            _bands(page, layout),
            _captions(page, languages, layout),
            *([first, second] if layout.narrow else [beside([first, second])]),
            _scores(page, purity, len(atlas.languages), layout),
            _neighbours(atlas, page, layout),
        ]
        foot = [output.plain(atlas.attribution), output.provenance_line(atlas)]
    return Drawing(
        stack(layout.width, blocks, [line for line in foot if line]),
        output.plain(f"feature {page.feature}: {page.title}"),
        {"feature": page.feature, "title": page.title, "languages": languages},
    )


def _head(page: FeaturePage, layout: _Layout) -> Block:
    """Name, number, sentence, and the name in every language."""
    number = f"feature {page.feature}"
    free = layout.inner - typeset.wide(number) - 0.1
    title = output.plain(page.title)
    sentence = typeset.fold(page.sentence(), layout.inner, 1.0)
    names = [
        (tag, output.plain(text))
        for tag, (text, _) in page.names.items()
        if output.plain(text) not in ("", title)
    ]
    lines: list[list[tuple[str, str, float]]] = [[]]
    left = 0.0
    for tag, text in names:
        shown = typeset.clip(text, layout.inner / 2, _SMALL)
        wide = typeset.wide(tag, _SMALL) + 0.05 + typeset.wide(shown, _SMALL) + 0.14
        if lines[-1] and left + wide - 0.14 > layout.inner:
            lines.append([])
            left = 0.0
        lines[-1].append((tag, shown, wide))
        left += wide
    high = typeset.line(1.5), typeset.line(1.0) * len(sentence)
    step = typeset.line(_SMALL)

    def draw(figure: Figure, y: float) -> None:
        shown = typeset.clip(title, free, 1.4, "bold")
        sheet.write(figure, sheet.MARGIN, y, shown, 1.4, weight="bold")
        if title != number:
            right = layout.width - sheet.MARGIN
            sheet.write(figure, right, y + 0.03, number, 1.0, ha="right", color=sheet.GREY)
        for at, line in enumerate(sentence):
            sheet.write(figure, sheet.MARGIN, y + high[0] + at * typeset.line(1.0), line)
        for at, own in enumerate(lines):
            x, top = sheet.MARGIN, y + sum(high) + at * step + 0.02
            for tag, text, wide in own:
                after = typeset.wide(tag, _SMALL) + 0.05
                style: dict[str, Any] = {"factor": _SMALL, "most": 1}
                typeset.caption(figure, x, top, tag, width=wide, color=sheet.GREY, **style)
                own_width = typeset.wide(text, _SMALL)
                style["rtl"] = is_rtl(tag)
                typeset.caption(figure, x + after, top, text, width=own_width, **style)
                x += wide

    return Block(sum(high) + 0.02 + step * len(lines) * bool(names), draw)


# Pictures -----------------------------------------------------------------------------


def _row(
    shown: Sequence[PictureExample], x: float, side: float, gap: float, page: FeaturePage, dpi: int
) -> Block:
    """Pictures with heat maps beside each other, each over its activation."""

    def draw(figure: Figure, y: float) -> None:
        for at, own in enumerate(shown):
            left = x + at * (side + gap)
            if own.thumbnail is None:
                pictures.missing(figure, left, y, side)
            else:
                picture = pictures.heated(
                    own.thumbnail, own.patch_map, page.max_patch, round(side * dpi)
                )
                pictures.place(figure, left, y, picture, dpi)
            sheet.write(
                figure, left + side / 2, y + side + 0.01, f"{own.activation:.2f}", _SMALL,
                ha="center", color=sheet.GREY,
            )  # fmt: skip

    return Block(side + 0.01 + typeset.line(_SMALL), draw)


def _pictures(page: FeaturePage, layout: _Layout) -> Block:
    if not page.pictures:
        return Block(
            typeset.line(),
            lambda figure, y: sheet.write(
                figure, sheet.MARGIN, y, "It fires for no picture.", color=sheet.GREY
            ),
        )
    count = 5 if layout.narrow else 10
    (x, *_), side = layout.split(count, 0.04)
    row = _row(page.pictures[:count], x, side, 0.04, page, layout.dpi)

    def key(figure: Figure, y: float) -> None:
        if page.max_patch > 0:
            right = layout.width - sheet.MARGIN
            pictures.key(figure, right, y, "activation on a patch", page.max_patch)

    return headed("Strongest pictures", row, key)


def _bands(page: FeaturePage, layout: _Layout) -> Block:
    """Random pictures of four even bands of activation, the highest first."""
    if not any(page.bands):
        return Block(0.0, lambda figure, y: None)
    columns = 1 if layout.narrow else 2
    lefts, wide = layout.split(columns, 0.2)
    label = 0.48
    side = (wide - label - (_IN_A_BAND - 1) * 0.04) / _IN_A_BAND
    bands = len(page.bands)
    rows = [
        _row(band[:_IN_A_BAND], lefts[at % columns] + label, side, 0.04, page, layout.dpi)
        for at, band in enumerate(page.bands)
    ]
    full = [any(page.bands[at : at + columns]) for at in range(0, bands, columns)]
    steps = [rows[0].height + 0.03 if own else typeset.line() for own in full]

    def draw(figure: Figure, y: float) -> None:
        for at, row in enumerate(rows):
            line = at // columns
            top = y + sum(steps[:line])
            middle = top + (side if full[line] else steps[line]) / 2
            sheet.write(
                figure, lefts[at % columns], middle, _range(at, bands),
                _SMALL, va="center", color=sheet.GREY,
            )  # fmt: skip
            if page.bands[at]:
                row.draw(figure, top)
            else:
                left = lefts[at % columns] + label
                sheet.write(figure, left, middle, "none", _SMALL, va="center", color=sheet.GREY)

    title = "Random pictures by band of activation"
    return headed(title, Block(sum(steps), draw))


# Captions -----------------------------------------------------------------------------


def _captions(page: FeaturePage, languages: Sequence[str], layout: _Layout) -> Block:
    """Return the strongest captions of each language, tokens shaded."""
    columns = min(len(languages), 2 if layout.narrow else 3 if len(languages) <= 6 else 4)
    if not columns:
        return Block(0.0, lambda figure, y: None)
    lefts, wide = layout.split(columns)
    cells = [_cell(page, tag, lefts[at % columns], wide) for at, tag in enumerate(languages)]
    lines = [cells[at : at + columns] for at in range(0, len(cells), columns)]
    heights = [max(cell.height for cell in line) + 0.06 for line in lines]

    def draw(figure: Figure, y: float) -> None:
        for line, height in zip(lines, heights, strict=True):
            for cell in line:
                cell.draw(figure, y)
            y += height

    def key(figure: Figure, y: float) -> None:
        if page.max_token > 0:
            right = layout.width - sheet.MARGIN
            colours = palettes.shade(np.linspace(0, 1, 256))
            pictures.key(figure, right, y, "activation on a token", page.max_token, colours)

    return headed("Strongest captions", Block(sum(heights) - 0.06, draw), key)


def _cell(page: FeaturePage, tag: str, x: float, wide: float) -> Block:
    rtl = is_rtl(tag)
    shown = distinct(page.columns[tag], _CAPTIONS)
    name, rate = language_name(tag), page.firing_by_language[tag]
    label = tag if name == tag else f"{tag} {name}"
    fires = f"fires on {100 * rate:.2g} %" if math.isfinite(rate) else "no captions"
    step = typeset.line(_CAPTION)
    heights = [step * len(typeset.fold(own.text, wide, _CAPTION, _LINES)) + 0.02 for own in shown]

    def draw(figure: Figure, y: float) -> None:
        sides = (fires, label) if rtl else (label, fires)
        for at, text in enumerate(sides):
            own = {"color": sheet.GREY} if text is fires else {"weight": "bold"}
            left, ha = (x + wide, "right") if at else (x, "left")
            sheet.write(figure, left, y, text, _SMALL, ha=ha, **own)
        top = y + typeset.line(_SMALL) + 0.02
        for example, height in zip(shown, heights, strict=True):
            typeset.caption(
                figure, x, top, example.text, example.tokens, width=wide, rtl=rtl,
                largest=page.max_token, factor=_CAPTION, most=_LINES,
            )  # fmt: skip
            top += height
        if not shown:
            sheet.write(figure, x, top, "–", _CAPTION, color=sheet.GREY)

    return Block(typeset.line(_SMALL) + 0.02 + (sum(heights) or step), draw)


# Scores and neighbours ----------------------------------------------------------------


def _scores(
    page: FeaturePage, purity: Sequence[AttributePurity], languages: int, layout: _Layout
) -> Block:
    values = {number.key: number for number in page.numbers}
    text = {key: number.text for key, number in values.items()}
    p, q = values["shared_p"].value, values["shared_q"].value
    lines = [
        ("modality score (0 captions, 1 pictures)", text["modality_score"]),
        _two("firing rate", text["firing_rate_image"], text["firing_rate_text"]),
        _two("energy", text["energy_image"], text["energy_text"]),
        ("fires in languages", f"{text['n_languages']} of {languages}"),
        ("sharing, against random pairs", f"p {_p(p)}, q {_p(q)}" if p == p else "not tested"),
        ("effect of sharing, lower 95 % bound", text["shared_effect"]),
        ("shared in languages", f"{text['n_shared_languages']} of {languages}"),
        *(_purity(own) for own in purity if _band(own) is not None),
    ]
    columns = 1 if layout.narrow else 2
    lefts, wide = layout.split(columns, 0.3)
    high, step = math.ceil(len(lines) / columns), typeset.line(_CAPTION)

    def draw(figure: Figure, y: float) -> None:
        for at, (name, value) in enumerate(lines):
            x, top = lefts[at // high], y + at % high * step
            free = wide - typeset.wide(value, _CAPTION) - 0.08
            shown = typeset.clip(output.plain(name), free, _CAPTION)
            sheet.write(figure, x, top, shown, _CAPTION, color=sheet.GREY)
            sheet.write(figure, x + wide, top, value, _CAPTION, ha="right")

    return headed("Scores", Block(high * step, draw))


def _two(name: str, image: str, text: str) -> tuple[str, str]:
    return f"{name}, pictures; captions", f"{image}; {text}"


def _p(value: float) -> str:
    return "< 0.0001" if value < 1e-4 else f"= {value:.2g}"


def _band(own: AttributePurity) -> int | None:
    """Return the highest band with enough pictures to be scored."""
    return next((at for at, share in enumerate(own.share.tolist()) if math.isfinite(share)), None)


def _range(band: int, bands: int) -> str:
    """Return the part of the largest activation that a band spans, the highest band first."""
    return f"{100 * (bands - band - 1) / bands:.0f}–{100 * (bands - band) / bands:.0f} %"


def _purity(own: AttributePurity) -> tuple[str, str]:
    band = _band(own)
    assert band is not None, "asked of those that have one"
    return (
        f"{own.attribute}: {own.value}, of pictures at {_range(band, len(own.rows))} (of all)",
        f"{100 * own.share[band]:.0f} % of {own.rows[band]} ({100 * own.base:.2g} %)",
    )


def _neighbours(atlas: Atlas, page: FeaturePage, layout: _Layout) -> Block:
    """Features with similar decoder rows, with the picture and the cosine of each."""
    columns = 2 if layout.narrow else 4
    shown = page.neighbours[: 2 * columns]
    thumbnails = [pictures.strongest(atlas, near.feature) for near in shown]
    lefts, wide = layout.split(columns)
    step = _NEIGHBOUR + 0.05

    def draw(figure: Figure, y: float) -> None:
        for at, (near, thumbnail) in enumerate(zip(shown, thumbnails, strict=True)):
            x, top = lefts[at % columns], y + at // columns * step
            if thumbnail is None:
                pictures.missing(figure, x, top, _NEIGHBOUR)
            else:
                side = round(_NEIGHBOUR * layout.dpi)
                picture = pictures.heated(thumbnail, None, 0.0, side)
                pictures.place(figure, x, top, picture, layout.dpi)
            left = x + _NEIGHBOUR + 0.06
            name = typeset.clip(output.plain(near.title), wide - _NEIGHBOUR - 0.06, _CAPTION)
            sheet.write(figure, left, top + 0.01, name, _CAPTION)
            number = "" if near.title == f"feature {near.feature}" else f"feature {near.feature}, "
            also = f"{number}cosine {near.cosine:.2f}"
            under = top + 0.01 + typeset.line(_CAPTION)
            sheet.write(figure, left, under, also, _SMALL, color=sheet.GREY)

    height = math.ceil(len(shown) / columns) * step
    return headed("Neighbours by direction", Block(height, draw))


KIND = FigureKind("Draw one feature on a page.", FeatureSettings, draw)
