"""What is on the screen, as ``mmfeat export`` would draw it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from mmfeat.figures.kind import FigureKind
from mmfeat.figures.palettes import COLOURINGS
from mmfeat.figures.registry import kind as kind_of
from mmfeat.figures.widths import VENUES
from mmfeat.files import whole_file
from mmfeat_gui.resources.strings import tr
from mmfeat_gui.state.features import FeatureTable
from mmfeat_gui.state.jobs import Order
from mmfeat_gui.state.view import ViewState

Value = str | int | bool | tuple[int, ...] | tuple[str, ...]

WIDTHS = ("1", "2", *(f"{venue}{columns}" for venue in VENUES for columns in ("", "-2")))
DPI = (100, 150, 300, 600)
CALLOUTS, ROWS = 8, 24  # features named on a map, and rows of a grid, at most
_LONG = 40  # features that a command names; more stand in a recipe
_PREVIEW_DPI = 80
_OWN_COLUMNS = ("title", "tags", "star", "feature")  # of the window, not of the atlas
# What is offered first, by the panel in front.
_FIRST = {
    "map": "map",
    "languages": "languages",
    "table": "table",
    "histograms": "histograms",
    "page": "feature",
}


@dataclass(frozen=True)
class Offer:
    """A file that can be made of what is on the screen.

    Attributes
    ----------
    kind : str
        One of `mmfeat.figures.registry.KINDS`.
    options : dict of str to value
        What the screen says of it, by the names of its settings.
    lacking : tuple of str
        Ids of texts on what of the screen it cannot show.
    """

    kind: str
    options: dict[str, Value]
    lacking: tuple[str, ...] = ()

    @property
    def is_figure(self) -> bool:
        """Whether it has a width and can be looked at beforehand."""
        return isinstance(kind_of(self.kind), FigureKind)

    @property
    def extensions(self) -> tuple[str, ...]:
        """Its formats, the usual one first."""
        return kind_of(self.kind).extensions

    def with_size(self, width: str, dpi: int) -> Offer:
        """Return a figure of a width and so many pixels an inch; what is no figure as it is."""
        if not self.is_figure:
            return self
        usual = kind_of(self.kind).settings.model_fields
        wanted: dict[str, Value] = {"width": width, "dpi": dpi}
        other = {key: value for key, value in wanted.items() if value != usual[key].default}
        return replace(self, options={**self.options, **other})


def offers(
    state: ViewState, table: FeatureTable, xy: Float[np.ndarray, "f 2"] | None
) -> list[Offer]:
    """Return what can be made of a view, what is in front first.

    Parameters
    ----------
    state : ViewState
    table : FeatureTable
        Features of the atlas, with the rows that are shown in their order.
    xy : array [f, 2] or None
        Places on the map; None without one.
    """
    place, brushed = state.place, state.features.indices.tolist()
    shown = place.index if place is not None and place.kind == "feature" else None
    own = brushed or ([] if shown is None else [shown])
    chosen = tuple(tag for tag in state.languages if tag in table.languages)
    columns = {"language": chosen} if chosen else {}
    found = [] if xy is None else [_map(state, brushed, table, xy)]
    if own:
        one = shown if shown is not None else own[0]
        found.append(Offer("feature", {"feature": one, **columns}))
        found.append(Offer("heatmap", {"feature": one}))
    lacking = ("export.lacking_rows",) if len(own) > ROWS else ()
    found.append(Offer("grid", {**_features(own[:ROWS]), **columns}, lacking))
    found.append(Offer("languages", _features(brushed[:ROWS]), lacking if brushed else ()))
    found.append(Offer("histograms", {}))
    found.append(_table(state, table))
    found.append(Offer("report", {**_features(own), **columns}))
    front = [_FIRST[panel] for panel in state.panels if panel in _FIRST]
    # Of the panels in front, that of the pages is looked at, and of the others the map.
    wanted = [kind for kind in ("feature", *front) if kind in front]
    order = {kind: at for at, kind in enumerate(dict.fromkeys(wanted))}
    return sorted(found, key=lambda offer: order.get(offer.kind, len(order)))


def _features(features: Iterable[int]) -> dict[str, Value]:
    found = tuple(int(feature) for feature in features)
    return {"feature": found} if found else {}


def _map(
    state: ViewState, brushed: list[int], table: FeatureTable, xy: Float[np.ndarray, "f 2"]
) -> Offer:
    options: dict[str, Value] = {}
    lacking = []
    drawn = np.isfinite(xy).all(1)
    if state.colouring in COLOURINGS or state.colouring in table.stored:
        if state.colouring != "modality_score":
            options["colour"] = state.colouring
    else:
        lacking.append("export.lacking_colour")
    if state.sizing == "energy":
        options["size"] = "energy"
    elif state.sizing:
        lacking.append("export.lacking_size")
    if state.colouring == "shared" and {"untestable", "not shared"} <= state.hidden:
        options["only_shared"] = True
        drawn &= np.asarray(table.scores["shared"], bool)
    elif state.hidden:
        lacking.append("export.lacking_hidden")
    if not state.labels:
        options["labels"] = 0
    if state.viewport is not None:
        x0, y0, x1, y1 = (round(edge, 4) for edge in state.viewport.bounds)
        options["view"] = f"{x0:.4f},{y0:.4f},{x1:.4f},{y1:.4f}"
        drawn &= ((xy >= (x0, y0)) & (xy <= (x1, y1))).all(1)
    named = tuple(feature for feature in brushed if drawn[feature])
    if named:
        options["callout"] = named[:CALLOUTS]
        if len(named) > CALLOUTS:
            lacking.append("export.lacking_callouts")
    return Offer("map", options, tuple(lacking))


def _table(state: ViewState, table: FeatureTable) -> Offer:
    """Return the rows of the table: all of them by its order, or those it shows by name."""
    query = state.query
    columns = tuple(key for key in query.columns if key not in _OWN_COLUMNS)
    if "title" in query.columns:
        columns = (*(f"name[{tag}]" for tag in table.languages), *columns)
    options: dict[str, Value] = {"column": columns} if columns else {}
    sortable = all(order.column not in _OWN_COLUMNS for order in query.order)
    if len(table.rows) == len(table) and len(query.order) <= 1 and sortable:
        if query.order:
            options["sort"] = query.order[0].column
            if not query.order[0].descending:
                options["ascending"] = True
    else:
        options |= _features(table.rows.tolist())
    return Offer("table", options)


def order(offer: Offer, atlas: Path, out: Path) -> Order:
    """Return the command that makes a file; one that would be too long reads a recipe beside it."""
    recipe = recipe_path(offer, out)
    if recipe is not None:
        return Order("export", (("export", "--recipe", str(recipe)),), out)
    command = ["export", offer.kind, str(atlas), "--out", str(out)]
    for key, value in offer.options.items():
        flag = f"--{key.replace('_', '-')}"
        if isinstance(value, bool):
            command += [flag] if value else []
        else:
            for one in value if isinstance(value, tuple) else (value,):
                command += [flag, str(one)]
    return Order("export", (tuple(command),), out)


def preview(offer: Offer, atlas: Path, out: Path) -> Order:
    """Return the command that draws a figure small, to be looked at."""
    small = replace(offer, options={**offer.options, "dpi": _PREVIEW_DPI})
    return replace(order(small, atlas, out), aside=True)


def recipe_path(offer: Offer, out: Path) -> Path | None:
    """Return where the recipe of an export lies that names too many features for a command."""
    named = offer.options.get("feature")
    return out.with_name(f"{out.name}.toml") if _length(named) > _LONG else None


def _length(value: Value | None) -> int:
    return len(value) if isinstance(value, tuple) else 0


def write_recipe(offer: Offer, atlas: Path, out: Path) -> None:
    """Write the recipe of an export, if it needs one.

    Raises
    ------
    MmfeatError
        If it cannot be written.
    """
    path = recipe_path(offer, out)
    if path is None:
        return
    values: Mapping[str, object] = {
        "kind": offer.kind,
        "source": str(atlas.absolute()),
        "out": out.name,
        **offer.options,
    }
    # A JSON text, number or list of these is one of TOML, but for delete characters.
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in values.items()]
    text = "\n".join(["[[export]]", *lines, ""]).replace("\x7f", "\\u007f")
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")


def free_name(atlas: Path, offer: Offer, extension: str) -> Path:
    """Return a name beside an atlas that nothing has yet, such as ``atlas-map-2.pdf``."""
    one = offer.options.get("feature")
    stem = f"{atlas.stem}-{offer.kind}" + (f"-{one}" if isinstance(one, int) else "")
    path, number = atlas.with_name(f"{stem}.{extension}"), 1
    while path.exists():
        number += 1
        path = atlas.with_name(f"{stem}-{number}.{extension}")
    return path


def written(result: Mapping[str, object]) -> str:
    """Return what was written, from the result of a command or of a recipe."""
    files = result.get("files")
    own = files[0] if isinstance(files, list) and files and isinstance(files[0], dict) else result
    fonts = own.get("missing_fonts")
    sentence = tr("export.written", out=own.get("out", ""), manifest=own.get("manifest", ""))
    if isinstance(fonts, list | tuple) and fonts:
        sentence += " " + tr("export.fonts", scripts=", ".join(map(str, fonts)))
    return sentence
