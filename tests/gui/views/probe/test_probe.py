"""Probes: texts, two side by side, searches, and a backbone that is not there."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path
from typing import Any

import h5py
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QTextCursor
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from typer.testing import CliRunner

from mmfeat.atlas.lookup import picture_of
from mmfeat.atlas.probe import fires_on_picture, fires_on_text
from mmfeat.atlas.query import search_atlas
from mmfeat.atlas.reader import Atlas
from mmfeat.cli.app import app
from mmfeat_gui.resources import strings
from mmfeat_gui.state.history import Place
from mmfeat_gui.state.sources import ItemSource, TextSource
from mmfeat_gui.views.context import Context
from mmfeat_gui.views.probe_panel import ProbePanel
from tests.gui.views.engine_context import made_context, open_atlas, settled, spin, unnamed
from tests.gui.views.probe.hand import expected, of

FIRE = "빨간 불"


def test_the_engine_does_not_begin_before_the_panel_is_seen(qtbot: QtBot, atlas_path: Path) -> None:
    fresh = made_context()
    try:
        panel = ProbePanel(fresh)
        qtbot.addWidget(panel)
        open_atlas(fresh, atlas_path, qtbot)
        assert not fresh.engine.busy and fresh.engine._thread is None
        assert not panel.inside.isEnabled()
    finally:
        fresh.close()


def test_a_text_that_is_typed_is_probed_in_the_language_of_its_script(
    panel: ProbePanel, context: Context, library: tuple[Atlas, Any], qtbot: QtBot
) -> None:
    given = panel.inputs[0]
    qtbot.keyClicks(given.editor, "hand")
    settled(context, qtbot)
    found = expected(fires_on_text(*library, "hand"))
    assert of(panel.groups[1], 0) == pytest.approx(found, rel=1e-4)
    assert list(of(panel.groups[1], 0)) == list(found)
    assert panel.groups[1].heading.text() == f"Fire on A ({len(found)})"
    assert given.language.currentText() == "English (en), guessed by script"
    given.editor.setPlainText(FIRE)
    settled(context, qtbot)
    assert given.language.currentText() == "한국어 (ko), guessed by script"
    guessed = of(panel.groups[1], 0)
    assert guessed == pytest.approx(expected(fires_on_text(*library, FIRE, "ko")), rel=1e-4)
    given.language.setCurrentIndex(given.language.findData("fr"))
    given.language.activated.emit(given.language.currentIndex())
    settled(context, qtbot)
    chosen = of(panel.groups[1], 0)
    assert chosen == pytest.approx(expected(fires_on_text(*library, FIRE, "fr")), rel=1e-4)
    assert chosen != guessed


def test_tokens_are_shaded_by_activation_in_utf16(
    panel: ProbePanel, context: Context, library: tuple[Atlas, Any], qtbot: QtBot
) -> None:
    text = "🔥 fire 🖐 hand"
    panel.probe(0, TextSource(text, "en"))
    settled(context, qtbot)
    fires = fires_on_text(*library, text, "en")
    shown = panel._shown[0]
    assert shown is not None
    units = text.encode("utf-16-le")
    some = 0
    for feature in fires.features.tolist():
        drawn = [
            units[2 * entry.start : 2 * (entry.start + entry.length)].decode("utf-16-le")
            for entry in shown.shading(feature, panel.palette())
        ]
        tokens = fires.tokens(feature)
        assert drawn == [text[one.start : one.end] for one in tokens if one.activation > 0]
        some += len(drawn)
    assert some


@pytest.mark.parametrize(("text", "tag"), [("كلب صغير", "ar"), ("سگ کوچک", "fa")])
def test_a_text_is_written_in_its_own_direction(
    panel: ProbePanel, context: Context, qtbot: QtBot, text: str, tag: str
) -> None:
    given = panel.inputs[1]
    given.editor.setPlainText(text)
    settled(context, qtbot)
    given.editor.moveCursor(QTextCursor.MoveOperation.Start)
    assert given.editor.cursorRect().left() > given.editor.width() / 2
    shown = panel._shown[1]
    assert shown is not None and shown.language == tag
    panel.grab()
    panel.probe(1, TextSource("dog"))
    given.editor.moveCursor(QTextCursor.MoveOperation.Start)
    assert given.editor.cursorRect().left() < 20


def test_what_the_backbone_does_not_read_is_said(
    panel: ProbePanel, context: Context, qtbot: QtBot
) -> None:
    panel.probe(0, TextSource("one two three four five six seven eight nine " * 20 + "ten"))
    settled(context, qtbot)
    shown = panel._shown[0]
    assert shown is not None and shown.probed.fires.spans
    left = len(shown.text.rstrip()) - max(end for _, end in shown.probed.fires.spans)
    assert left > 0 and f"last {left:,} characters" in panel.inputs[0].note.text()
    assert panel.inputs[0].note.isVisibleTo(panel)
    panel.probe(0, TextSource("one"))
    settled(context, qtbot)
    assert not panel.inputs[0].note.isVisibleTo(panel)


def test_two_probes_show_what_they_have_in_common(
    panel: ProbePanel, context: Context, library: tuple[Atlas, Any], qtbot: QtBot
) -> None:
    atlas = library[0]
    item = next(
        i
        for i in range(atlas.n_items)
        if {*fires_on_picture(*library, picture_of(atlas, i)).features.tolist()}.intersection(
            fires_on_text(*library, atlas.captions_of(i)[0].text, "en").features
        )
    )
    text = atlas.captions_of(item)[0].text
    panel.probe(0, ItemSource(atlas.items().item_id[item]))
    panel.probe(1, TextSource(text, "en"))
    settled(context, qtbot)
    first = expected(fires_on_picture(*library, picture_of(atlas, item)))
    second = expected(fires_on_text(*library, text, "en"))
    both, only_a, only_b = panel.groups
    assert set(of(both, 0)) == first.keys() & second.keys()
    assert of(both, 0) == pytest.approx({f: first[f] for f in of(both, 0)}, rel=1e-4)
    assert of(both, 1) == pytest.approx({f: second[f] for f in of(both, 1)}, rel=1e-4)
    assert set(of(only_a, 0)) == first.keys() - second.keys()
    assert set(of(only_b, 1)) == second.keys() - first.keys()
    assert set(of(only_a, 1).values()) <= {0.0}
    overlap = len(first.keys() & second.keys()) / len(first.keys() | second.keys())
    assert f"{overlap:.0%} of all that fire" in panel.summary.text()
    assert all(group.isVisibleTo(panel) for group in panel.groups)
    weaker = [min(one.shares) for one in both.flow.firing]
    assert weaker == sorted(weaker, reverse=True)
    panel.probe(1, None)
    assert not both.isVisibleTo(panel) and not only_b.isVisibleTo(panel)
    assert set(of(only_a, 0)) == first.keys()


def test_a_feature_that_is_pointed_at_is_seen_on_the_probe_and_a_click_opens_it(
    panel: ProbePanel, context: Context, qtbot: QtBot
) -> None:
    panel.probe(0, TextSource("hand"))
    settled(context, qtbot)
    flow, view = panel.groups[1].flow, panel.inputs[0].view
    assert view.feature == flow.firing[0].feature
    panel.grab()
    qtbot.keyClick(flow, Qt.Key.Key_Right)
    assert view.feature == flow.firing[1].feature
    assert panel.title(flow.firing[1].feature) in panel.inputs[0].looked.text()
    words = flow.describe(1)
    assert f"{flow.firing[1].activations[0]:.2f}" in words
    context.store.change("undo.heat", heat=False)
    assert view.feature is None
    context.store.change("undo.heat", heat=True)
    spot = flow.tile_rect(2).center()
    qtbot.mouseClick(flow, Qt.MouseButton.LeftButton, pos=spot)
    assert context.store.state.place == Place("feature", flow.firing[2].feature)


def test_the_item_shown_can_be_probed(
    panel: ProbePanel,
    context: Context,
    library: tuple[Atlas, Any],
    qtbot: QtBot,
    said: list[str],
) -> None:
    context.go(Place("feature", 3))
    qtbot.mouseClick(panel.inputs[0].item, Qt.MouseButton.LeftButton)
    assert said == ["No item is shown; open the page of one first."]
    context.go(Place("item", 4))
    qtbot.mouseClick(panel.inputs[0].item, Qt.MouseButton.LeftButton)
    settled(context, qtbot)
    assert panel.inputs[0].source == ItemSource(library[0].items().item_id[4])
    fires = fires_on_picture(*library, picture_of(library[0], 4))
    assert of(panel.groups[1], 0) == pytest.approx(expected(fires), rel=1e-4)


def test_examples_are_searched_by_as_the_command_does(
    panel: ProbePanel, context: Context, library: tuple[Atlas, Any], qtbot: QtBot
) -> None:
    ids, path = library[0].items().item_id, library[0].path
    panel.probe(0, TextSource("불", "ko"))
    panel.probe(1, ItemSource(ids[9]))
    example, negative = panel.examples[0], panel.examples[3]
    qtbot.mouseClick(example, Qt.MouseButton.LeftButton)
    settled(context, qtbot)
    found = search_atlas(path, texts=["불"], languages=["ko"])["features"]
    tiles = panel.search.hits._tiles
    assert [tile.feature for tile in tiles] == [one["feature"] for one in found]
    assert f"contrast {found[0]['score']:.2f}" in tiles[0].detail
    qtbot.mouseClick(negative, Qt.MouseButton.LeftButton)
    settled(context, qtbot)
    found = search_atlas(path, texts=["불"], languages=["ko"], not_items=[ids[9]])["features"]
    tiles = panel.search.hits._tiles
    assert [tile.feature for tile in tiles] == [one["feature"] for one in found]
    assert panel.search.command.line.text() == (
        f"mmfeat search '{path}' --text '불' --language ko --not-item {ids[9]} --top 20"
    )
    words = shlex.split(panel.search.command.line.text())
    printed = CliRunner().invoke(app, [*words[1:], "--json"])
    shown = json.loads(printed.stdout.strip().splitlines()[-1])["features"]
    assert [tile.feature for tile in tiles] == [one["feature"] for one in shown]
    qtbot.mouseClick(panel.search.command.copy, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == panel.search.command.line.text()
    # The same as an example of the other kind changes sides.
    qtbot.mouseClick(panel.examples[2], Qt.MouseButton.LeftButton)
    assert [chips.labels for chips in panel.search.chips] == [["불", ids[9]], []]
    qtbot.keyClick(panel.search.chips[0], Qt.Key.Key_Delete)
    settled(context, qtbot)
    assert [chips.labels for chips in panel.search.chips] == [[ids[9]], []]
    found = search_atlas(path, items=[ids[9]])["features"]
    tiles = panel.search.hits._tiles
    assert [tile.feature for tile in tiles] == [one["feature"] for one in found]
    panel.search.hits.activated.emit(0)
    assert context.store.state.place == Place("feature", found[0]["feature"])
    qtbot.keyClick(panel.search.chips[0], Qt.Key.Key_Delete)
    assert panel.search.command.line.text() == "" and not panel.search.hits._tiles


def test_a_request_can_be_cancelled(panel: ProbePanel, context: Context, qtbot: QtBot) -> None:
    panel.probe(0, TextSource("hand"))
    assert panel.status.cancel.isVisibleTo(panel)
    qtbot.mouseClick(panel.status.cancel, Qt.MouseButton.LeftButton)
    settled(context, qtbot)
    assert panel._shown[0] is None and not panel.status.isVisibleTo(panel)


def test_another_atlas_is_probed_with_what_was_given(
    panel: ProbePanel, context: Context, atlas_path: Path, qtbot: QtBot, tmp_path: Path
) -> None:
    panel.probe(0, TextSource("hand"))
    settled(context, qtbot)
    before = of(panel.groups[1], 0)
    other = tmp_path / "other.h5"
    shutil.copy(atlas_path, other)
    open_atlas(context, other, qtbot)
    assert not panel.groups[1].flow.firing
    settled(context, qtbot)
    assert of(panel.groups[1], 0) == before


def test_without_its_backbone_the_panel_says_why_and_where_to_point(
    context: Context, atlas_path: Path, qtbot: QtBot, tmp_path: Path
) -> None:
    path = tmp_path / "homeless.h5"
    shutil.copy(atlas_path, path)
    with h5py.File(path, "r+") as file:
        file.attrs["backbone"] = f"open_clip:local-dir:{tmp_path / 'nowhere'}"
    open_atlas(context, path, qtbot)
    panel = ProbePanel(context)
    qtbot.addWidget(panel)
    panel.show()
    spin(lambda: panel.backbone.isVisibleTo(panel), qtbot)
    assert "nowhere" in panel.backbone.reason.text()
    assert not panel.inside.isEnabled() and panel.first_focus() is panel.backbone.place
    panel.backbone.place.setText(str(tmp_path))
    qtbot.mouseClick(panel.backbone.use, Qt.MouseButton.LeftButton)
    spin(lambda: "holds no model" in panel.backbone.reason.text(), qtbot)
    panel.backbone.place.setText("openmoji-clip")
    qtbot.keyClick(panel.backbone.place, Qt.Key.Key_Return)
    spin(lambda: panel.ready, qtbot)
    assert panel.inside.isEnabled() and not panel.backbone.isVisibleTo(panel)
    panel.probe(0, TextSource("hand"))
    settled(context, qtbot)
    assert panel._shown[0] is not None


def test_whatever_has_the_keyboard_has_a_name(
    panel: ProbePanel, context: Context, qtbot: QtBot
) -> None:
    panel.probe(0, TextSource("hand"))
    panel.probe(1, TextSource("hat"))
    panel.search.add(TextSource("hand"), against=False)
    settled(context, qtbot)
    assert not ", ".join(unnamed(panel))


@pytest.mark.parametrize("language", ["en", "ko"])
def test_the_panel_stands_in_both_languages(
    context: Context, atlas_path: Path, qtbot: QtBot, language: str
) -> None:
    open_atlas(context, atlas_path, qtbot)
    strings.use(language)
    try:
        panel = ProbePanel(context)
        qtbot.addWidget(panel)
        panel.resize(500, 700)  # the inputs stand under each other
        panel.show()
        spin(lambda: panel.ready, qtbot)
        a, b = panel.inputs
        assert a.geometry().bottom() < b.geometry().top()
        panel.resize(900, 700)
        QApplication.processEvents()
        assert a.geometry().right() < b.geometry().left()
    finally:
        strings.use("en")
