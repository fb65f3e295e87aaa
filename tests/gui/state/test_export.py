from __future__ import annotations

import csv
import shlex
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from mmfeat.figures.exporting import recipe, settings_of
from mmfeat_gui.state import export
from mmfeat_gui.state.export import Offer, offers
from mmfeat_gui.state.features import FeatureTable
from mmfeat_gui.state.history import Place
from mmfeat_gui.state.query import Order, Query
from mmfeat_gui.state.selection import Selection
from mmfeat_gui.state.view import ViewState
from mmfeat_gui.state.viewport import Viewport

LANGUAGES = ("en", "ko")
PANELS = ("map", "table", "page")


def table_of(
    rows: np.ndarray | None = None, languages: tuple[str, ...] = LANGUAGES
) -> FeatureTable:
    """Return a table of a hundred features, the even ones shared."""
    found = FeatureTable({"shared": np.arange(100) % 2 == 0}, {}, languages)
    if rows is not None:
        found.rows = rows
    return found


def offered(state: ViewState, rows: np.ndarray | None = None) -> dict[str, Offer]:
    xy = np.random.default_rng(0).normal(size=(100, 2))
    xy[50:] = np.nan  # features that are not on the map
    return {offer.kind: offer for offer in offers(state, table_of(rows), xy)}


@pytest.mark.parametrize(
    "state",
    [
        ViewState(),
        ViewState(
            place=Place("feature", 7),
            features=Selection.of(range(60)),
            colouring="shared",
            sizing="energy",
            hidden=frozenset({"untestable", "not shared"}),
            labels=False,
            languages=("ko",),
        ),
    ],
)
def test_every_offer_has_settings_that_the_command_takes(state: ViewState) -> None:
    for offer in offered(state).values():
        settings_of(offer.kind, offer.with_size("nature-2", 150).options)


def test_what_is_in_front_is_offered_first() -> None:
    state = ViewState(place=Place("feature", 3), panels=("map", "table", "page"))
    assert [offer.kind for offer in offers(state, table_of(), np.zeros((100, 2)))][:3] == [
        "feature",
        "map",
        "table",
    ]
    state = ViewState(panels=("languages", "histograms", "probe"))
    assert [offer.kind for offer in offers(state, table_of(), np.zeros((100, 2)))][:2] == [
        "languages",
        "histograms",
    ]


def test_the_map_has_the_colours_sizes_and_selection_of_the_screen() -> None:
    state = ViewState(
        colouring="n_languages", sizing="energy", features=Selection.of([3, 9]), labels=False
    )
    offer = offered(state)["map"]
    assert offer.options == {
        "colour": "n_languages",
        "size": "energy",
        "labels": 0,
        "callout": (3, 9),
    }
    assert offer.lacking == ()


def test_what_the_figure_cannot_show_is_said() -> None:
    state = ViewState(
        colouring="tag:birds",
        sizing="shared_effect",
        hidden=frozenset({"birds"}),
        features=Selection.of(range(30)),
    )
    offer = offered(state)["map"]
    assert set(offer.lacking) == {
        "export.lacking_colour",
        "export.lacking_size",
        "export.lacking_hidden",
        "export.lacking_callouts",
    }
    assert "colour" not in offer.options
    assert offered(state)["grid"].lacking == ("export.lacking_rows",)


def test_hidden_categories_of_sharing_leave_features_out() -> None:
    state = ViewState(colouring="shared", hidden=frozenset({"untestable", "not shared"}))
    assert offered(state)["map"].options == {"colour": "shared", "only_shared": True}


def test_only_features_that_are_drawn_are_named_on_the_map() -> None:
    state = ViewState(
        features=Selection.of([3, 4, 60]),
        colouring="shared",
        hidden=frozenset({"untestable", "not shared"}),
    )
    assert offered(state)["map"].options["callout"] == (4,)
    assert offered(replace(state, hidden=frozenset()))["map"].options["callout"] == (3, 4)
    kinds = [offer.kind for offer in offers(state, table_of(), None)]
    assert "map" not in kinds  # before mmfeat map


def test_the_part_of_the_map_that_is_seen_is_drawn() -> None:
    xy = np.arange(200, dtype=float).reshape(100, 2)
    state = ViewState(features=Selection.of([2, 40]), viewport=Viewport(-1, 0, 20.5, 30))
    offer = next(own for own in offers(state, table_of(), xy) if own.kind == "map")
    assert offer.options["view"] == "-1.0000,0.0000,20.5000,30.0000"
    assert offer.options["callout"] == (2,)
    settings_of("map", offer.options)


def test_brushed_features_go_into_grid_report_and_matrix() -> None:
    state = ViewState(place=Place("feature", 1), features=Selection.of([5, 2]), languages=("ko",))
    found = offered(state)
    assert found["grid"].options == {"feature": (2, 5), "language": ("ko",)}
    assert found["report"].options == {"feature": (2, 5), "language": ("ko",)}
    assert found["languages"].options == {"feature": (2, 5)}
    assert found["feature"].options == {"feature": 1, "language": ("ko",)}
    found = offered(replace(state, features=Selection.of([])))
    assert found["grid"].options["feature"] == (1,)
    assert found["languages"].options == {}


def test_a_table_of_all_features_is_sorted_by_the_command() -> None:
    query = Query(order=(Order("shared_q"),), columns=("title", "shared", "p[ko]", "tags"))
    offer = offered(ViewState(query=query))["table"]
    assert offer.options == {
        "column": ("name[en]", "name[ko]", "shared", "p[ko]"),
        "sort": "shared_q",
        "ascending": True,
    }
    down = replace(query, order=(Order("shared_q", descending=True),))
    assert "ascending" not in offered(ViewState(query=down))["table"].options


def test_filtered_rows_are_named_in_their_order() -> None:
    offer = offered(ViewState(), np.array([8, 2, 5]))["table"]
    assert offer.options["feature"] == (8, 2, 5)
    assert "sort" not in offer.options


def test_the_command_writes_the_file_that_is_meant(atlas_path: Path, tmp_path: Path) -> None:
    rows = np.array([8, 2, 5])
    query = Query(columns=("title", "shared_q", "p[ko]"))
    with h5py.File(atlas_path) as file:
        languages = tuple(file["languages"].asstr()[()])
        truth = file["features/shared_q"][()]
    table = table_of(rows, languages)
    (offer,) = (own for own in offers(ViewState(query=query), table, None) if own.kind == "table")
    out = tmp_path / "the rows.csv"
    text = export.order(offer, atlas_path, out).text
    words = shlex.split(text)
    assert words[:3] == ["mmfeat", "export", "table"]
    subprocess.run([sys.executable, "-m", *words], check=True, capture_output=True)
    with out.open(encoding="utf-8", newline="") as handle:
        found = list(csv.DictReader(handle))
    assert [int(row["feature"]) for row in found] == rows.tolist()
    assert list(found[0])[-2:] == ["shared_q", "p[ko]"]
    known = [float(row["shared_q"] or "nan") for row in found]
    np.testing.assert_allclose(known, truth[rows], rtol=1e-6)


def test_many_features_are_named_in_a_recipe_beside_the_file(
    atlas_path: Path, tmp_path: Path
) -> None:
    rows = np.arange(90)[::-1]
    offer = offered(ViewState(), rows)["table"]
    offer = replace(offer, options={"feature": offer.options["feature"]})
    out = tmp_path / "rows.csv"
    order = export.order(offer, atlas_path, out)
    assert order.commands == (("export", "--recipe", f"{out}.toml"),)
    export.write_recipe(offer, atlas_path, out)
    assert tomllib.loads(Path(f"{out}.toml").read_text())["export"][0]["feature"] == rows.tolist()
    result = recipe(Path(f"{out}.toml"))
    with out.open(encoding="utf-8", newline="") as handle:
        found = [int(row["feature"]) for row in csv.DictReader(handle)]
    assert found == rows.tolist()
    assert f"Written: {out}" in export.written(result)


def test_names_are_free(tmp_path: Path) -> None:
    atlas = tmp_path / "atlas.h5"
    offer = Offer("feature", {"feature": 12})
    assert export.free_name(atlas, offer, "pdf") == tmp_path / "atlas-feature-12.pdf"
    (tmp_path / "atlas-feature-12.pdf").touch()
    assert export.free_name(atlas, offer, "pdf") == tmp_path / "atlas-feature-12-2.pdf"
