"""The map of features as a figure for a paper."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from jaxtyping import Float
from pydantic import Field, field_validator

from mmfeat import hdf5, provenance
from mmfeat.atlas.reader import Atlas
from mmfeat.errors import MmfeatError
from mmfeat.figures import callouts, labels, output, palettes, pictures, points, sheet, typeset
from mmfeat.figures.callouts import Callout
from mmfeat.figures.kind import Drawing, FigureKind, FigureSettings
from mmfeat.figures.pages import label_of, title_of
from mmfeat.figures.palettes import COLOURINGS, Colouring
from mmfeat.figures.points import Entry, Points

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COMPARISON = "mmfeat-comparison"
_LEAST, _MOST = 0.5, 1.0  # height of the map, of its width
_LABELS = 3.5  # named features an inch of the map's width
_LOOKED_AT = 3000  # features whose names are tried as labels
_EDGE = 0.05  # of the modality score: less is captions alone, as for bimodal features
_LARGEST, _SMALLEST = 6.0, 0.15  # areas of marks by energy, of the usual one
_VIEW = re.compile(",".join([r"\s*-?\d{1,9}(?:\.\d{1,9})?\s*"] * 4))
_SHARED = (4, 1, 0)  # marks of untestable, not shared and shared features
_APART = 0.3  # of the distance at which labels would fill the map evenly


class MapSettings(FigureSettings):
    """Options of the map."""

    colour: str | None = Field(
        None,
        description=f"What features are coloured by: {', '.join(COLOURINGS)} or any other score "
        "of the atlas. [modality_score; in a comparison, the SAE]",
    )
    size: Literal["none", "energy"] = Field(
        "none", description="What the areas of marks show: none or energy."
    )
    only_shared: bool = Field(False, description="Leave out features that are not shared.")
    labels: int | None = Field(
        None,
        ge=0,
        le=200,
        description="Features named on the map, at most. [by width; in a comparison none]",
    )
    inset: tuple[int, ...] = Field(
        (), description="Feature whose surroundings are drawn larger; repeat for several."
    )
    callout: tuple[int, ...] = Field(
        (), description="Feature that is shown with its name and picture; repeat for several."
    )

    view: str | None = Field(
        None, description="Part of the map that is drawn: X0,Y0,X1,Y1 in its coordinates. [all]"
    )

    @property
    def corners(self) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
        """Lower left and upper right of the part that is drawn; None for all."""
        if self.view is None:
            return None
        x0, y0, x1, y1 = map(float, self.view.split(","))
        return (x0, y0), (x1, y1)

    @field_validator("view")
    @classmethod
    def _four_numbers(cls, view: str | None) -> str | None:
        if view is not None and not _VIEW.fullmatch(view):
            raise MmfeatError(f"{view!r} is no part of a map; give X0,Y0,X1,Y1, as in -2,-2,3,1.5.")
        return view


def check(path: Path, settings: MapSettings) -> None:
    """Refuse a colouring that the atlas has no score for.

    Raises
    ------
    MmfeatError
        If there is none of that name.
    """
    if settings.colour is not None and hdf5.kind_of(path) != _COMPARISON:
        with Atlas(path) as atlas:
            palettes.colouring(settings.colour, atlas.features())


def draw(path: Path, settings: MapSettings) -> Drawing:
    """Draw the map of an atlas's features, or that of all SAEs in a comparison.

    In vector files text is text, and more than `points.RASTER_ABOVE` points are drawn as pixels.

    Raises
    ------
    MmfeatError
        If the file has no map, or no feature on it, or an option is not for it.
    """
    if path.is_file() and hdf5.kind_of(path) == _COMPARISON:
        return _of_comparison(path, settings)
    with Atlas(path) as atlas:
        features = atlas.features()
        chosen = palettes.colouring(settings.colour or "modality_score", features)
        xy = atlas.map()
        if xy is None:
            raise MmfeatError(f"{path} has no map yet; run mmfeat map {path} first.")
        if chosen.key not in COLOURINGS:
            chosen = replace(chosen, label=label_of(chosen.key))
        kept = np.isfinite(xy).all(1)
        if settings.only_shared:
            kept &= np.asarray(features["shared"], bool)
        if settings.corners is not None:
            low, high = settings.corners
            kept &= ((xy >= low) & (xy <= high)).all(1)
        if not kept.any():
            what = "shared feature" if settings.only_shared else "feature"
            raise MmfeatError(f"{path} has no {what} on its map; there is nothing to draw.")
        for feature in (*settings.inset, *settings.callout):
            if not (0 <= feature < atlas.d_sae and kept[feature]):
                raise MmfeatError(
                    f"Feature {feature} is not on the map that is drawn of {path}; give another."
                )
        return Drawing(
            _of_atlas(atlas, xy, kept, chosen, settings),
            f"Features of {output.plain(atlas.name) or 'an SAE'}",
            {"features": int(kept.sum()), "left_out": int((~kept).sum())},
        )


# An atlas -----------------------------------------------------------------------------


def _of_atlas(
    atlas: Atlas, xy: np.ndarray, kept: np.ndarray, chosen: Colouring, settings: MapSettings
) -> Figure:
    features = atlas.features()
    values = palettes.values_of(chosen, features)
    # Shared features last, so that they are not hidden by the many others; small marks before
    # large ones.
    order = np.flatnonzero(kept)
    energy = np.nan_to_num(features["energy_image"] + features["energy_text"]).astype(np.float64)
    group = values[order] if chosen.kind == "category" else np.zeros(len(order))
    front = -energy[order] if settings.size == "energy" else np.zeros(len(order))
    order = order[np.lexsort((front, group))]
    values = values[order]
    around = list(dict.fromkeys(settings.callout))
    layout = _Layout(settings.inches, callouts.sides(len(around)), len(set(settings.inset)))
    usual = points.usual_area(len(order), layout.map_width)
    area, sizes = _areas(energy[order], usual, settings.size)
    own = Points(
        np.asarray(xy[order], np.float64),
        palettes.colour_values(chosen, values, len(atlas.languages)),
        area,
        _marks(chosen, values),
    )
    entries = _entries(chosen, values)
    lines = [line for group in (entries, sizes) for line in points.rows(group, layout.inner)]
    head = sum(map(points.key_line, lines)) + 0.06
    head += 0.0 if chosen.kind == "category" else points.bar_height()
    foot = [output.provenance_line(atlas)]
    if around:
        foot.insert(0, output.plain(atlas.attribution))
    figure, frame, under = layout.figure(own.xy, head, [line for line in foot if line])
    top = sheet.MARGIN
    if chosen.kind != "category":
        _bar(figure, top, layout.width, chosen, values, len(atlas.languages))
        top += points.bar_height()
    points.key(figure, top, layout.width, lines)
    points.draw(figure, frame, own)
    places = np.asarray(xy[around], np.float64).reshape(-1, 2)
    if around:
        shown = [_callout(atlas, feature) for feature in around]
        callouts.callouts(figure, frame, shown, places, settings.dpi)
    count = settings.labels
    if count is None:
        count = round(_LABELS * frame.width)
    found = labels.place(
        _names(atlas, xy, kept, energy, set(around)),
        frame,
        count,
        most=max(0.3 * frame.width, 0.8),
        others=own.xy,
        apart=_APART * float(np.sqrt(frame.width * frame.height / max(count, 1))),
        taken=[labels.around(point) for point in frame.at(places).tolist()],
    )
    labels.draw(figure, found)
    if settings.inset:
        at = {feature: place for place, feature in enumerate(order.tolist())}
        middle = [at[feature] for feature in dict.fromkeys(settings.inset)]
        callouts.insets(figure, frame, under, own, middle, _all_names(atlas, order))
    sheet.foot(figure, [line for line in foot if line])
    return figure


@dataclass(frozen=True)
class _Layout:
    """How a figure is divided: its width, callouts at the left and right, and insets below."""

    width: float
    callouts: tuple[int, int] = (0, 0)
    insets: int = 0

    @property
    def inner(self) -> float:
        return self.width - 2 * sheet.MARGIN

    @property
    def map_width(self) -> float:
        return self.inner - sum(map(bool, self.callouts)) * (callouts.column(self.width) + 0.08)

    def figure(
        self, xy: Float[np.ndarray, "n 2"], head: float, foot: Sequence[str]
    ) -> tuple[Figure, points.Frame, float]:
        """Return the empty figure, the map's frame, and where insets begin."""
        across, up = np.ptp(xy, axis=0) + 1e-9
        high = float(np.clip(up / across, _LEAST, _MOST)) * self.map_width
        high = max(high, max(self.callouts) * callouts.slot(self.width))
        top = sheet.MARGIN + head
        inset = callouts.inset_side(self.map_width, self.insets)
        under = top + high + (0.2 if inset else 0.0)
        height = under + inset + 0.06 + sheet.foot_height(foot, self.width)
        left = sheet.MARGIN + bool(self.callouts[0]) * (callouts.column(self.width) + 0.08)
        figure = sheet.sheet(self.width, height)
        return figure, points.frame(left, top, self.map_width, high, xy), under


def _marks(chosen: Colouring, values: np.ndarray) -> np.ndarray:
    """Return a mark a feature, so that groups can be told apart without colours."""
    if chosen.key == "shared":
        return np.array(_SHARED)[values.astype(np.intp)]
    if chosen.kind == "category":
        return 1 - values.astype(np.intp)
    found = np.zeros(len(values), np.intp)
    if chosen.kind == "diverging":
        found[values < _EDGE], found[values > 1 - _EDGE] = 1, 2
    return found


def _entries(chosen: Colouring, values: np.ndarray) -> list[Entry]:
    if chosen.kind == "category":
        count = len(chosen.labels)
        marks = _marks(chosen, np.arange(count, dtype=np.float64))
        return [
            Entry(
                f"{chosen.labels[i]} ({int((values == i).sum()):,})",
                int(marks[i]),
                palettes.CATEGORIES[i] / 255,
            )
            for i in reversed(range(count))
        ]
    found = []
    if chosen.kind == "diverging":
        low, high = palettes.DIVERGING[0] / 255, palettes.DIVERGING[-1] / 255
        only = (
            (values < _EDGE, f"captions alone (below {_EDGE:g})", 1, low),
            ((values >= _EDGE) & (values <= 1 - _EDGE), "both", 0, palettes.DIVERGING[128] / 255),
            (values > 1 - _EDGE, f"pictures alone (above {1 - _EDGE:g})", 2, high),
        )
        found = [Entry(text, mark, colour) for own, text, mark, colour in only if own.any()]
    if not np.isfinite(values).all():
        found.append(Entry("no value", 0, palettes.MISSING / 255))
    return found


def _areas(energy: np.ndarray, usual: float, size: str) -> tuple[np.ndarray, list[Entry]]:
    """Return areas of marks in square points, and the key to them."""
    if size == "none" or not energy.any():
        return np.full(len(energy), usual), []
    # One feature of huge energy would leave the others too small to see.
    largest = float(np.quantile(energy, 0.99)) or float(energy.max())
    scale = _LARGEST * usual / largest
    area = np.clip(energy * scale, _SMALLEST * usual, _LARGEST * usual)
    steps = [largest / 10, largest / 3, largest]
    return area, [
        Entry(f"{'energy ' if at == 0 else ''}{value:.2g}{' or more' if at == 2 else ''}",
              area=value * scale)
        for at, value in enumerate(steps)
    ]  # fmt: skip


def _bar(
    figure: Figure, y: float, width: float, chosen: Colouring, values: np.ndarray, languages: int
) -> None:
    low, high = palettes.bounds(chosen, languages)
    with np.errstate(invalid="ignore"):
        shown = values[values > 0] if chosen.kind == "log" else values[np.isfinite(values)]
    beyond = bool((shown < low).any()), bool((shown > high).any())
    points.bar(figure, y, width, chosen, languages, beyond)


def _name(atlas: Atlas, feature: int) -> str:
    """Return the title of a feature that has a name, else nothing."""
    names = atlas.names(feature)
    return output.plain(title_of(names, feature)) if any(text for text, _ in names.values()) else ""


def _all_names(atlas: Atlas, order: np.ndarray) -> list[str]:
    texts, scores = atlas.all_names()
    found = []
    for feature in order.tolist():
        own = dict(
            zip(atlas.languages, zip(texts[feature], scores[feature], strict=True), strict=True)
        )
        found.append(output.plain(title_of(own, feature)) if any(texts[feature]) else "")
    return found


def _names(
    atlas: Atlas, xy: np.ndarray, kept: np.ndarray, energy: np.ndarray, shown: set[int]
) -> Iterator[tuple[np.ndarray, str]]:
    """Yield places and names: shared features by effect, then the others by energy."""
    features = atlas.features()
    effect = np.where(features["shared"], np.nan_to_num(features["shared_effect"]), -1.0)
    written: set[str] = set()
    for feature in np.lexsort((-energy, -effect))[:_LOOKED_AT].tolist():
        name = _name(atlas, feature) if kept[feature] and feature not in shown else ""
        if name and name not in written:
            written.add(name)
            yield xy[feature], name


def _callout(atlas: Atlas, feature: int) -> Callout:
    name = _name(atlas, feature) or "no name"
    return Callout(feature, name, pictures.strongest(atlas, feature))


# A comparison -------------------------------------------------------------------------


def _of_comparison(path: Path, settings: MapSettings) -> Drawing:
    from mmfeat.atlas.comparison_reader import Comparison  # it loads torch

    plain = MapSettings(width=settings.width, dpi=settings.dpi, style=settings.style)
    for name in MapSettings.model_fields:
        if getattr(settings, name) != getattr(plain, name):
            flag = f"--{name.replace('_', '-')}"
            raise MmfeatError(f"{path} is a comparison, whose map has no {flag}; leave it out.")
    with Comparison(path) as comparison:
        count = len(comparison.atlases)
        if count > len(palettes.SERIES):
            raise MmfeatError(
                f"{path} compares {count} SAEs, and no more than {len(palettes.SERIES)} can be "
                "told apart; compare fewer."
            )
        names = [output.plain(own.name) for own in comparison.atlases]
        if len(set(names)) < count:  # the file tells them apart
            names = [output.plain(own.file) for own in comparison.atlases]
        maps = [comparison.map(at) for at in range(count)]
    known = {at: xy[np.isfinite(xy).all(1)] for at, xy in enumerate(maps) if xy is not None}
    known = {at: xy for at, xy in known.items() if len(xy)}
    if not known:
        raise MmfeatError(f"{path} has no map; compare again without --no-map.")
    figure = _joint(known, names, settings.inches, _comparison_line(path, count))
    left_out = [names[at] for at in range(count) if at not in known]
    drawn = sum(map(len, known.values()))
    title = f"Features of {', '.join(names[at] for at in known)}"
    return Drawing(figure, title, {"features": drawn, "left_out_saes": left_out})


def _joint(known: dict[int, np.ndarray], names: Sequence[str], width: float, foot: str) -> Figure:
    layout = _Layout(width)
    xy = np.concatenate(list(known.values())).astype(np.float64)
    group = np.concatenate([np.full(len(own), at) for at, own in known.items()])
    # In turns, or the last SAE would cover the others.
    turn = np.concatenate([(np.arange(len(own)) + 0.5) / len(own) for own in known.values()])
    order = np.lexsort((group, turn))
    xy, group = xy[order], group[order]
    usual = points.usual_area(len(xy), layout.map_width)
    own = Points(xy, palettes.SERIES[group], np.full(len(xy), usual), group)
    entries = [
        Entry(
            f"{typeset.clip(names[at], 0.6 * width)} ({len(xy):,})", at, palettes.SERIES[at] / 255
        )
        for at, xy in known.items()
    ]
    lines = points.rows(entries, layout.inner)
    figure, frame, _ = layout.figure(own.xy, sum(map(points.key_line, lines)) + 0.06, [foot])
    points.key(figure, sheet.MARGIN, width, lines)
    points.draw(figure, frame, own)
    sheet.foot(figure, [foot])
    return figure


def _comparison_line(path: Path, count: int) -> str:
    digest, version = hdf5.stored_digest(path), provenance.versions().get("mmfeat", "")
    return f"comparison of {count} SAEs · {digest[:12]} · {f'mmfeat {version}'.strip()}"


KIND = FigureKind(
    "Draw the map of features.", MapSettings, draw, source="ATLAS_OR_COMPARISON", check=check
)
