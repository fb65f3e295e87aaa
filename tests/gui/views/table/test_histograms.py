"""The histograms beside the table."""

from __future__ import annotations

from typing import Any

import numpy as np
from PySide6.QtCore import QPoint
from pytestqt.qtbot import QtBot

from mmfeat_gui.state.query import Query
from mmfeat_gui.state.selection import Selection
from mmfeat_gui.views.histograms_panel import HistogramsPanel
from mmfeat_gui.views.table_panel import TablePanel
from tests.gui.views.table.hand import (
    LEFT,
    features_of,
    query_of,
)

# Histograms -----------------------------------------------------------------------------


def test_histograms_count_all_shown_and_brushed(
    panel: TablePanel, histograms: HistogramsPanel, truth: Any
) -> None:
    assert list(histograms.rows) == list(Query().histograms)
    panel.bar.shared.click()
    panel.context.store.change("undo.brush", features=Selection.of([0, 1, 2]))
    n = truth.features["n_languages"].astype(int)
    counts = histograms.rows["n_languages"].histogram._counts
    low, bins = n.min(), n.max() - n.min() + 1
    assert counts.every.tolist() == np.bincount(n - low, minlength=bins).tolist()
    shared = truth.features["shared"].astype(bool)
    assert counts.passing.tolist() == np.bincount(n[shared] - low, minlength=bins).tolist()
    assert counts.brushed.tolist() == np.bincount(n[:3] - low, minlength=bins).tolist()


def test_dragging_over_a_histogram_filters_the_table(
    qtbot: QtBot, panel: TablePanel, histograms: HistogramsPanel, truth: Any
) -> None:
    histogram = histograms.rows["firing_rate_image"].histogram
    plot = histogram.plot()
    start, end = (QPoint(round(plot.left() + x * plot.width()), 40) for x in (0.2, 0.6))
    qtbot.mousePress(histogram, LEFT, pos=start)
    qtbot.mouseMove(histogram, end)
    qtbot.mouseRelease(histogram, LEFT, pos=end)
    limit = query_of(panel).limit("firing_rate_image")
    assert limit is not None and "firing_rate_image" in panel.bar.rows
    rate = truth.features["firing_rate_image"]
    expected = np.flatnonzero((rate >= limit.low) & (rate <= limit.high))
    assert features_of(panel) == expected.tolist() and len(expected) < truth.count


def test_histograms_behind_another_panel_are_counted_when_they_come_to_the_front(
    panel: TablePanel, histograms: HistogramsPanel
) -> None:
    histograms.hide()
    panel.bar.shared.click()
    count = len(features_of(panel))
    assert histograms.rows["shared_effect"].histogram._counts.passing.sum() != count
    histograms.show()
    rates = histograms.rows["firing_rate_image"].histogram._counts
    assert rates.passing.sum() == count < rates.every.sum()


def test_histograms_are_added_and_taken_away(
    qtbot: QtBot, panel: TablePanel, histograms: HistogramsPanel
) -> None:
    histograms.add.menu().aboutToShow.emit()
    texts = [action.text() for action in histograms.add.menu().actions()]
    assert "Effect" in texts and "Shared" not in texts
    histograms.show_histogram("energy_image")
    assert list(histograms.rows)[-1] == "energy_image"
    qtbot.mouseClick(histograms.rows["modality_score"].close_button, LEFT)
    assert "modality_score" not in histograms.rows
    panel.context.store.undo()
    assert next(iter(histograms.rows)) == "modality_score"
