from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QPalette
from pytestqt.qtbot import QtBot

from mmfeat_gui.resources import strings
from mmfeat_gui.state import brushing
from mmfeat_gui.state.history import Place
from mmfeat_gui.state.selection import NOTHING, Selection
from mmfeat_gui.state.settings import Settings
from mmfeat_gui.state.view import ViewState
from mmfeat_gui.views.context import Context
from mmfeat_gui.views.samples_panel import SamplesPanel
from mmfeat_gui.views.samples_side import BANDS

Wait = Callable[[], None]


@pytest.fixture
def context(qtbot: QtBot) -> Iterator[Context]:
    strings.use("en")
    made = Context(Settings())
    made.reader.opened.connect(lambda summary: made.show_atlas(summary, ViewState()))
    yield made
    made.close()


@pytest.fixture
def wait(qtbot: QtBot, context: Context) -> Wait:
    def until_idle() -> None:
        qtbot.waitUntil(lambda: not context.reader.busy, timeout=30_000)
        qtbot.wait(1)

    return until_idle


def show(qtbot: QtBot, context: Context, wait: Wait, path: Path) -> SamplesPanel:
    panel = SamplesPanel(context)
    qtbot.addWidget(panel)
    panel.resize(720, 520)
    with qtbot.waitExposed(panel):
        panel.show()
    context.reader.open(path)
    wait()
    return panel


@pytest.fixture
def panel(qtbot: QtBot, context: Context, wait: Wait, atlas_path: Path) -> SamplesPanel:
    return show(qtbot, context, wait, atlas_path)


class Items:
    """The items of an atlas and what fires on them, by h5py alone."""

    def __init__(self, path: Path) -> None:
        with h5py.File(path) as file:
            self.places = file["maps/items"][:]
            self.item_id = file["items/item_id"].asstr()[:].tolist()
            self.group = file["items/attributes/group"].asstr()[:]
            self.split = file["items/split"].asstr()[:]
            self.languages = file["languages"].asstr()[:].tolist()
            self.caption_item = file["captions/item"][:]
            self.caption_language = file["captions/language"][:]
            self.caption = file["captions/text"].asstr()[:]
            shape = (len(self.item_id), int(file.attrs["d_sae"]))
            self.largest = np.zeros(shape, np.float32)
            for stream in ("image.pooled", "text.pooled"):
                codes = file[f"codes/{stream}"]
                row = np.repeat(
                    np.arange(len(codes["rows/item"])), np.diff(codes["by_row/indptr"][:])
                )
                at = (codes["rows/item"][:][row], codes["by_row/indices"][:])
                np.maximum.at(self.largest, at, codes["by_row/data"][:].astype(np.float32))
        self.fires = self.largest > 0

    def captions(self, item: int, language: str) -> list[str]:
        own = (self.caption_item == item) & (
            self.caption_language == self.languages.index(language)
        )
        found: list[str] = self.caption[own].tolist()
        return found


@pytest.fixture
def items(atlas_path: Path) -> Items:
    return Items(atlas_path)


def pick(panel: SamplesPanel, wait: Wait, column: str) -> None:
    """Choose what items are coloured by, as a user does."""
    index = panel.colouring.findData(column)
    panel.colouring.setCurrentIndex(index)
    panel.colouring.activated.emit(index)
    wait()


def legend(panel: SamplesPanel) -> dict[str, int]:
    return {entry.name: entry.count for entry in panel.legend.entries if entry.count}


def distinct(panel: SamplesPanel) -> list[int]:
    listed = panel.distinct.list
    return [int(listed.item(row).data(Qt.ItemDataRole.UserRole)) for row in range(listed.count())]


def test_items_lie_where_the_map_puts_them(panel: SamplesPanel, items: Items) -> None:
    for item in (0, 7, len(items.places) - 1):
        point = panel.canvas.position_of(item)
        assert point is not None
        found = panel.canvas.point_at(point)
        assert found == item or np.allclose(items.places[found], items.places[item], atol=1e-2)
    left, right = items.places[:, 0].argmin(), items.places[:, 0].argmax()
    one, other = panel.canvas.position_of(int(left)), panel.canvas.position_of(int(right))
    assert one is not None and other is not None and one.x() < other.x()


@pytest.mark.parametrize("column", ["group", "split"])
def test_colours_and_legend_follow_the_chosen_column(
    panel: SamplesPanel, items: Items, wait: Wait, column: str
) -> None:
    pick(panel, wait, column)
    counts = Counter(getattr(items, column).tolist())
    assert legend(panel) == {strings.split_name(name): count for name, count in counts.items()}
    listed = panel.legend.item(0)
    name, count = counts.most_common(1)[0]
    spoken = listed.data(Qt.ItemDataRole.AccessibleTextRole)
    assert spoken == f"{strings.split_name(name)}: {count} items"


def test_columns_with_a_text_for_every_item_are_not_offered(panel: SamplesPanel) -> None:
    offered = {panel.colouring.itemData(index) for index in range(panel.colouring.count())}
    assert {"split", "group", "activation"} <= offered
    assert "emoji" not in offered


def test_items_are_coloured_by_the_activation_of_the_feature_shown(
    panel: SamplesPanel, items: Items, context: Context, wait: Wait
) -> None:
    pick(panel, wait, "activation")
    assert "Open a feature" in panel.said.text()
    for feature in np.argsort(-items.fires.sum(0))[:2].tolist():
        context.go(Place("feature", feature))
        wait()
        values = items.largest[:, feature]
        edges = values.max() * np.arange(BANDS + 1) / BANDS
        counts = [
            int(((values > low) & (values <= high)).sum())
            for low, high in zip(edges[-2::-1], edges[:0:-1], strict=True)
        ]
        shown = [entry.count for entry in panel.legend.entries]
        assert sum(shown) == len(values) and shown[-1] == int((values == 0).sum())
        assert np.abs(np.array(shown[:-1]) - counts).sum() <= 2  # on the edge of a band


def test_choosing_an_entry_of_the_legend_brushes_its_items(
    qtbot: QtBot, panel: SamplesPanel, items: Items, context: Context, wait: Wait
) -> None:
    row = next(
        row for row in range(panel.legend.count()) if "flags" in panel.legend.item(row).text()
    )
    panel.legend.setFocus()
    panel.legend.setCurrentRow(row)
    qtbot.keyClick(panel.legend, Qt.Key.Key_Return)
    wait()
    assert context.store.state.items == Selection.of_mask(items.group == "flags")
    assert context.store.undo_label == "undo.brush"


def test_brushed_items_name_the_features_that_tell_them_and_these_can_be_brushed(
    panel: SamplesPanel, items: Items, context: Context, wait: Wait
) -> None:
    assert not panel.distinct.isVisible()
    own = items.group == "flags"
    context.store.change("undo.brush", items=Selection.of_mask(own))
    wait()
    assert panel.said.text() == f"{own.sum()} brushed items"
    excess = items.fires[own].mean(0) - items.fires[~own].mean(0)
    best = np.argsort(-excess, kind="stable")[:20]
    assert panel.distinct.isVisible() and distinct(panel) == best[excess[best] > 0].tolist()
    panel.distinct.list.setCurrentRow(1)
    panel.distinct.button.click()
    assert context.store.state.features == Selection.of([int(best[1])])
    panel.distinct.list.clearSelection()
    wait()
    assert panel.said.text().endswith("any of 1 brushed features fires")


def test_brushed_features_light_the_items_they_fire_on_together_or_any_of_them(
    qtbot: QtBot, panel: SamplesPanel, items: Items, context: Context, wait: Wait
) -> None:
    features = np.argsort(-items.fires.sum(0))[:3]
    assert not panel.every.isVisible() and not panel.take.isVisible()
    context.store.change("undo.brush", features=Selection.of(features))
    wait()
    anyone = items.fires[:, features].any(1)
    assert panel.said.text() == f"{anyone.sum()} items on which any of 3 brushed features fires"
    assert context.store.state.items == NOTHING  # shown, not brushed
    panel.every.click()
    wait()
    every = items.fires[:, features].all(1)
    assert panel.said.text() == f"{every.sum()} items on which all of 3 brushed features fire"
    assert context.store.state.samples_every
    panel.take.click()
    wait()
    assert context.store.state.items == Selection.of_mask(every)
    assert panel.said.text() == f"{every.sum()} brushed items"
    context.store.undo()
    wait()
    assert panel.said.text().startswith(f"{every.sum()} items on which all")
    context.store.undo()
    wait()
    assert not panel.every.isChecked()
    assert panel.said.text().startswith(f"{anyone.sum()} items on which any")
    context.store.undo()
    wait()
    assert "Brush items here" in panel.said.text()


def test_the_colouring_is_part_of_the_state_and_can_be_undone(
    panel: SamplesPanel, items: Items, context: Context, wait: Wait
) -> None:
    assert panel.colouring.currentData() == "group"
    pick(panel, wait, "split")
    assert context.store.state.samples_colouring == "split"
    context.store.undo()
    wait()
    assert panel.colouring.currentData() == "group"
    assert legend(panel) == Counter(items.group.tolist())


def test_a_lasso_brushes_adds_and_takes_away(
    panel: SamplesPanel, items: Items, context: Context, wait: Wait
) -> None:
    made = panel.canvas.selection_made
    made.emit(np.array([1, 4, 9]), "replace")
    assert context.store.state.items == Selection.of([1, 4, 9])
    made.emit(np.array([4, 5]), "add")
    assert context.store.state.items == Selection.of([1, 4, 5, 9])
    made.emit(np.array([1, 2]), "subtract")
    assert context.store.state.items == Selection.of([4, 5, 9])
    panel.tools.inverted.emit()
    wait()
    assert len(context.store.state.items) == len(items.places) - 3
    panel.tools.cleared.emit()
    wait()
    assert context.store.state.items == NOTHING and not panel.distinct.isVisible()


def test_a_lasso_adds_to_the_items_of_brushed_features(
    panel: SamplesPanel, items: Items, context: Context, wait: Wait
) -> None:
    feature = int(np.argsort(-items.fires.sum(0))[5])
    context.store.change("undo.brush", features=Selection.of([feature]))
    wait()
    silent = int(np.flatnonzero(~items.fires[:, feature])[0])
    panel.canvas.selection_made.emit(np.array([silent]), "add")
    expected = Selection.of_mask(items.fires[:, feature]).add(Selection.of([silent]))
    assert context.store.state.items == expected


def test_clearing_unbrushes_features_too(panel: SamplesPanel, context: Context, wait: Wait) -> None:
    context.store.change("undo.brush", features=Selection.of([3]))
    wait()
    panel.tools.cleared.emit()
    wait()
    assert not context.store.state.features
    assert "Brush items here" in panel.said.text()


def test_hovering_shows_picture_caption_and_what_the_colour_means(
    panel: SamplesPanel, items: Items, wait: Wait
) -> None:
    item = 11
    point = panel.canvas.position_of(item)
    assert point is not None
    panel.canvas.hovered.emit(item, point.toPoint())
    assert panel.card.isVisible() and panel.card.feature == item
    wait()
    assert panel.card.picture_shown
    assert panel.card.text.split("\n")[0] == items.captions(item, "en")[0]
    assert items.item_id[item] in panel.card.text
    assert f"group: {items.group[item]}" in panel.card.text
    assert panel.canvas.rect().contains(panel.card.geometry())
    panel.canvas.hovered.emit(-1, point.toPoint())
    assert not panel.card.isVisible()


def test_the_caption_is_in_the_language_of_the_interface(
    panel: SamplesPanel, items: Items, wait: Wait
) -> None:
    item = 11
    strings.use("ko")
    try:
        panel.canvas.hovered.emit(item, QPointF(50, 50).toPoint())
        wait()
        assert panel.card.text.split("\n")[0] == items.captions(item, "ko")[0]
    finally:
        strings.use("en")


def test_a_click_opens_the_page_of_the_item(panel: SamplesPanel, context: Context) -> None:
    panel.canvas.activated.emit(17)
    assert context.store.state.place == Place("item", 17)


def test_the_part_that_is_seen_is_remembered_and_undone(
    panel: SamplesPanel, context: Context
) -> None:
    panel.canvas.zoom(2)
    panel.canvas.zoom(2)
    view = panel.canvas.view
    panel.canvas.viewport_changed.emit(view)
    assert context.store.state.samples_viewport == view
    context.store.undo()
    assert panel.canvas.view != view


def test_pictures_are_read_for_what_is_near(panel: SamplesPanel, wait: Wait) -> None:
    put: list[int] = []
    panel.pictures.put = lambda found: put.extend(  # type: ignore[method-assign]
        item for item, image in found.items() if image is not None
    )
    panel.pictures.wanted.emit((2, 9, 4))
    wait()
    assert put == [2, 9, 4]


def test_names_of_features_that_arrive_later_are_shown(
    panel: SamplesPanel, items: Items, context: Context, wait: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    context.store.change("undo.brush", items=Selection.of_mask(items.group == "flags"))
    wait()
    assert context.summary is not None
    table = context.summary.table
    monkeypatch.setattr(type(table), "title", lambda self, feature: f"name of {feature}")
    table.arrived.emit()
    first = distinct(panel)[0]
    assert panel.distinct.list.item(0).text().endswith(f"name of {first}")


def test_an_atlas_without_the_map_says_how_to_make_one(
    qtbot: QtBot, context: Context, wait: Wait, atlas_path: Path, tmp_path: Path
) -> None:
    path = Path(shutil.copy(atlas_path, tmp_path / "flat.h5"))
    with h5py.File(path, "r+") as file:
        del file["maps/items"]
    panel = show(qtbot, context, wait, path)
    assert panel.canvas.position_of(0) is None
    assert panel.canvas.point_at(QPointF(50, 50)) == -1
    assert panel.legend.count() > 0  # items can still be brushed by what they are


def test_a_damaged_map_is_said_to_be_one(
    qtbot: QtBot, context: Context, wait: Wait, atlas_path: Path, tmp_path: Path
) -> None:
    path = Path(shutil.copy(atlas_path, tmp_path / "broken.h5"))
    with h5py.File(path, "r+") as file:
        del file["maps/items"]
        file["maps/items"] = np.zeros((2, 2), np.float32)
    panel = show(qtbot, context, wait, path)
    assert "/maps/items" in panel.said.text()


def test_nothing_is_read_before_the_panel_is_seen(
    qtbot: QtBot, context: Context, wait: Wait, atlas_path: Path
) -> None:
    hidden = SamplesPanel(context)
    qtbot.addWidget(hidden)
    context.reader.open(atlas_path)
    wait()
    context.store.change("undo.brush", features=Selection.of([3, 4]))
    wait()
    assert hidden.colouring.count() == 0
    with qtbot.waitExposed(hidden):
        hidden.show()
    wait()
    assert hidden.colouring.count() > 2
    assert "any of 2 brushed features" in hidden.said.text()


def test_a_restored_view_lights_what_was_brushed_in_it(
    qtbot: QtBot, context: Context, wait: Wait, atlas_path: Path, items: Items
) -> None:
    panel = show(qtbot, context, wait, atlas_path)
    assert context.summary is not None
    context.show_atlas(context.summary, ViewState(features=Selection.of([3, 4])))
    wait()
    fired = items.fires[:, [3, 4]].any(1).sum()
    assert panel.said.text() == f"{fired} items on which any of 2 brushed features fires"
    context.show_atlas(context.summary, ViewState(items=Selection.of([1, 2, 5])))
    wait()
    assert panel.said.text() == "3 brushed items"


def test_a_sample_is_said_to_be_one(
    panel: SamplesPanel, items: Items, context: Context, wait: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(brushing, "EXACT", 50)
    monkeypatch.setattr(brushing, "SAMPLE", 40)
    context.store.change("undo.brush", items=Selection.of(range(0, len(items.places), 2)))
    wait()
    assert "From 40 of these and" in panel.distinct.heading.text()


def test_colours_follow_the_palette(panel: SamplesPanel, wait: Wait) -> None:
    light = panel._table()
    palette = QPalette()
    palette.setColor(QPalette.ColorRole.Base, Qt.GlobalColor.black)
    palette.setColor(QPalette.ColorRole.Text, Qt.GlobalColor.white)
    panel.setPalette(palette)
    dark = panel._table()
    assert dark.shape == light.shape
    assert (dark[:-1].astype(int).sum(1) > light[:-1].astype(int).sum(1)).all()
    assert len(np.unique(dark, axis=0)) == len(dark)


def test_everything_that_takes_the_keyboard_has_a_name(panel: SamplesPanel) -> None:
    for widget in (
        panel.canvas, panel.colouring, panel.legend, panel.distinct.list, panel.tools,
    ):  # fmt: skip
        assert widget.accessibleName()
    assert panel.first_focus() is panel.canvas
