"""The table as a whole: names for readers, files that fail, another atlas, a session."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from mmfeat_gui.state.query import Limit, Order, Query
from mmfeat_gui.views.histograms_panel import HistogramsPanel
from mmfeat_gui.views.table_panel import TablePanel
from tests.gui.views.table.hand import (
    features_of,
    query_of,
)

# Everything -----------------------------------------------------------------------------


def test_every_widget_that_takes_the_keyboard_has_a_name(
    panel: TablePanel, histograms: HistogramsPanel
) -> None:
    panel.bar.add_filter("modality_score")
    panel.bar.add_filter("reach")
    for widget in [*panel.findChildren(QWidget), *histograms.findChildren(QWidget)]:
        if widget.focusPolicy() != Qt.FocusPolicy.NoFocus and widget.isVisible():
            named = widget.accessibleName() or getattr(widget, "text", str)()
            inside = widget.parentWidget().accessibleName()  # the line of a box of numbers
            assert named or inside, widget


@pytest.mark.parametrize("damaged", ["by_language/entropy", "names/score"])
def test_what_cannot_be_read_is_said_and_the_rest_is_shown(
    qtbot: QtBot,
    panel: TablePanel,
    own_path: Path,
    settle: Callable[[], None],
    truth: Any,
    damaged: str,
) -> None:
    import h5py

    other = own_path.with_name("other.h5")
    shutil.copy(own_path, other)
    with h5py.File(other, "r+") as file:
        values = file[damaged][()]
        del file[damaged]
        # Chunks that cannot be unpacked: the shape is right, the content is not.
        kept = file.create_dataset(damaged, data=values, compression="gzip", chunks=values.shape)
        kept.id.write_direct_chunk((0,) * values.ndim, b"no such thing")
    said: list[str] = []
    panel.context.said.connect(said.append)
    panel.context.reader.open(other)
    settle()
    assert [damaged in sentence for sentence in said] == [True]
    assert features_of(panel) == list(range(truth.count))
    panel.bar.shared.click()
    assert features_of(panel) == np.flatnonzero(truth.features["shared"]).tolist()


def test_another_atlas_begins_anew(
    panel: TablePanel, own_path: Path, settle: Callable[[], None], truth: Any
) -> None:
    panel.bar.add_filter("modality_score")
    panel.bar.shared.click()
    panel.context.reader.open(own_path)
    settle()
    assert query_of(panel) == Query() and panel.bar.rows == {}
    assert features_of(panel) == list(range(truth.count)) and not panel.bar.shared.isChecked()
    assert panel.context.summary is not None
    titles = [panel.model.index(row, 0).data() for row in range(5)]
    assert titles == [panel.context.summary.table.title(feature) for feature in range(5)]


def test_a_session_shows_its_query_again(
    panel: TablePanel, own_path: Path, settle: Callable[[], None]
) -> None:
    query = Query(text="a", order=(Order("title", True),), columns=("title", "feature", "reach"))
    query = query.limited(Limit("modality_score", 0.2))
    panel.context.store.change("undo.filter", query=query)
    before = features_of(panel)
    state = panel.context.store.state
    panel.context.reader.opened.disconnect()
    panel.context.reader.opened.connect(lambda summary: panel.context.show_atlas(summary, state))
    panel.context.reader.open(own_path)
    settle()
    assert features_of(panel) == before and panel.bar.search.text() == "a"
    assert [column.key for column in panel.model.columns] == ["title", "feature", "reach"]
    assert list(panel.bar.rows) == ["modality_score"]
    QApplication.processEvents()
