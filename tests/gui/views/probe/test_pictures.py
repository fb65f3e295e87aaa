"""Pictures come to the probe by dropping and pasting."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QColor, QDragEnterEvent, QDropEvent, QGuiApplication, QImage
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from mmfeat.atlas.lookup import picture_of
from mmfeat.atlas.probe import fires_on_picture
from mmfeat.atlas.reader import Atlas
from mmfeat.corpus.pictures import decode
from mmfeat.figures.heatmap import overlay
from mmfeat_gui.state.sources import PictureSource, TextSource
from mmfeat_gui.views.context import Context
from mmfeat_gui.views.probe_mime import encoded, source_of
from mmfeat_gui.views.probe_panel import ProbePanel
from tests.gui.views.engine_context import settled
from tests.gui.views.probe.hand import expected, of


def pixels_of(image: QImage | None) -> np.ndarray:
    assert image is not None
    own = image.convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(own.constBits(), np.uint8).reshape(own.height(), own.bytesPerLine())
    return rows[:, : 3 * own.width()].reshape(own.height(), own.width(), 3).copy()


def drop(widget: QWidget, mime: QMimeData) -> QDragEnterEvent:
    """Drag something over a widget, and drop it where it is taken."""
    spot, actions = QPoint(20, 20), Qt.DropAction.CopyAction
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    entered = QDragEnterEvent(spot, actions, mime, buttons, keys)
    QApplication.sendEvent(widget, entered)
    if entered.isAccepted():
        QApplication.sendEvent(widget, QDropEvent(QPointF(spot), actions, mime, buttons, keys))
    return entered


def test_a_picture_that_is_dropped_is_probed_with_heat_maps(
    panel: ProbePanel,
    context: Context,
    library: tuple[Atlas, Any],
    qtbot: QtBot,
    tmp_path: Path,
) -> None:
    file = tmp_path / "a <b>picture.png"
    picture = picture_of(library[0], 12)
    picture.save(file)
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(file))])
    drop(panel.inputs[0], mime)
    settled(context, qtbot)
    fires = fires_on_picture(*library, picture)
    assert of(panel.groups[1], 0) == pytest.approx(expected(fires), rel=1e-4)
    assert panel.inputs[0].name.text() == file.name
    assert panel.inputs[0].name.textFormat() == Qt.TextFormat.PlainText
    shown = panel._shown[0]
    assert shown is not None
    feature = int(fires.features[1])
    patches = fires.patch_map(feature)
    assert patches is not None and patches.any()
    drawn = overlay(np.asarray(picture), patches, float(fires.highest[1]))
    assert np.abs(pixels_of(shown.large(feature)).astype(int) - drawn).max() <= 1
    np.testing.assert_array_equal(pixels_of(shown.large(None)), np.asarray(picture))
    assert (pixels_of(shown.small(feature)) != pixels_of(shown.small(int(fires.features[0])))).any()


def test_an_atlas_that_is_dropped_is_left_to_the_window(panel: ProbePanel) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile("/somewhere/atlas.h5")])
    assert not drop(panel.inputs[0], mime).isAccepted()
    assert panel.inputs[0].source is None


def test_a_picture_is_pasted_on_white(
    panel: ProbePanel, context: Context, library: tuple[Atlas, Any], qtbot: QtBot
) -> None:
    image = QImage(40, 30, QImage.Format.Format_ARGB32)
    image.fill(Qt.GlobalColor.transparent)
    for x in range(10, 30):
        for y in range(8, 22):
            image.setPixelColor(x, y, QColor(220, 10 * (x % 20), 30))
    QGuiApplication.clipboard().setImage(image)
    qtbot.mouseClick(panel.inputs[1].paste, Qt.MouseButton.LeftButton)
    settled(context, qtbot)
    truth = np.full((30, 40, 3), 255, np.uint8)
    for x in range(10, 30):
        truth[8:22, x] = (220, 10 * (x % 20), 30)
    fires = fires_on_picture(*library, Image.fromarray(truth))
    assert of(panel.groups[2], 1) == pytest.approx(expected(fires), rel=1e-4)
    assert panel.inputs[1].name.text() == "The pasted picture"
    np.testing.assert_array_equal(np.asarray(decode(encoded(image))), truth)


def test_what_is_pasted_into_the_text_may_be_a_picture(
    panel: ProbePanel, context: Context, qtbot: QtBot
) -> None:
    editor = panel.inputs[0].editor
    QGuiApplication.clipboard().setText("word")
    editor.paste()
    assert editor.toPlainText() == "word"
    image = QImage(8, 8, QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.red)
    QGuiApplication.clipboard().setImage(image)
    editor.paste()
    assert isinstance(panel.inputs[0].source, PictureSource)
    assert not editor.isVisibleTo(panel)
    qtbot.mouseClick(panel.inputs[0].clear, Qt.MouseButton.LeftButton)
    assert panel.inputs[0].source is None and editor.isVisibleTo(panel)
    settled(context, qtbot)
    assert panel._shown[0] is None


def test_pictures_come_as_they_are_encoded_where_they_can() -> None:
    mime = QMimeData()
    mime.setData("image/png", b"png bytes")
    assert source_of(mime) == PictureSource("The pasted picture", data=b"png bytes")
    mime = QMimeData()
    mime.setText("  a word ")
    assert source_of(mime) == TextSource("a word")
    assert source_of(QMimeData()) is None


def test_nothing_in_the_clipboard_is_a_sentence(panel: ProbePanel, said: list[str]) -> None:
    QGuiApplication.clipboard().clear()
    panel.inputs[0].take_clipboard()
    assert said == ["There is no picture and no text to take; copy or drop one."]


def test_a_hostile_picture_is_one_sentence_and_the_next_is_probed(
    panel: ProbePanel, context: Context, qtbot: QtBot, tmp_path: Path
) -> None:
    file = tmp_path / "cut.png"
    whole = tmp_path / "whole.png"
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(whole)
    file.write_bytes(whole.read_bytes()[:700])
    panel.probe(0, PictureSource(file.name, file))
    settled(context, qtbot)
    assert "cut.png is truncated" in panel.status.label.text()
    assert panel.status.isVisibleTo(panel) and not panel.status.cancel.isVisibleTo(panel)
    panel.probe(0, PictureSource(whole.name, whole))
    settled(context, qtbot)
    assert panel._shown[0] is not None and not panel.status.isVisibleTo(panel)
