from __future__ import annotations

import math

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QPalette
from pytestqt.qtbot import QtBot

from mmfeat_gui.resources import strings
from mmfeat_gui.state.bars import Bars
from mmfeat_gui.state.columns import column_of
from mmfeat_gui.views.filter_range import Counts, RangeHistogram

VALUES = np.linspace(0, 1, 401)
LEFT = Qt.MouseButton.LeftButton


def _shown(qtbot: QtBot, values: np.ndarray, key: str = "modality_score") -> RangeHistogram:
    strings.use("en")
    found = RangeHistogram(column_of(key, values.dtype))
    qtbot.addWidget(found)
    found.resize(414, 60)
    bars = Bars.of(values)
    found.show_bars(bars, Counts(bars.counts(), bars.counts(), bars.counts(values > 2)))
    with qtbot.waitExposed(found):
        found.show()
    return found


@pytest.fixture
def histogram(qtbot: QtBot) -> RangeHistogram:
    return _shown(qtbot, VALUES)


def _at(histogram: RangeHistogram, position: float) -> QPoint:
    plot = histogram.plot()
    return QPoint(round(plot.left() + position * plot.width()), 30)


def _drag(qtbot: QtBot, histogram: RangeHistogram, start: float, end: float) -> None:
    qtbot.mousePress(histogram, LEFT, pos=_at(histogram, start))
    for share in (0.5, 1.0):
        qtbot.mouseMove(histogram, _at(histogram, start + share * (end - start)))
    qtbot.mouseRelease(histogram, LEFT, pos=_at(histogram, end))


def test_dragging_over_bars_makes_a_range(qtbot: QtBot, histogram: RangeHistogram) -> None:
    heard: list[tuple[float, float]] = []
    histogram.moved.connect(lambda low, high: heard.append((low, high)))
    _drag(qtbot, histogram, 0.25, 0.75)
    assert heard[-1] == (histogram.low, histogram.high)
    assert heard[-1] == pytest.approx((0.25, 0.75), abs=0.003)
    _drag(qtbot, histogram, 0.6, 0.4)
    assert (histogram.low, histogram.high) == pytest.approx((0.4, 0.6), abs=0.003)


def test_handles_are_dragged_one_past_the_other(qtbot: QtBot, histogram: RangeHistogram) -> None:
    histogram.show_range(0.2, 0.4)
    _drag(qtbot, histogram, 0.4, 0.5)
    assert (histogram.low, histogram.high) == pytest.approx((0.2, 0.5), abs=0.003)
    _drag(qtbot, histogram, 0.2, 0.8)
    assert (histogram.low, histogram.high) == pytest.approx((0.5, 0.8), abs=0.003)
    _drag(qtbot, histogram, 0.5, 0.0)
    assert histogram.low == -math.inf and histogram.high == pytest.approx(0.8, abs=0.003)


def test_both_handles_of_an_empty_range_can_be_taken(
    qtbot: QtBot, histogram: RangeHistogram
) -> None:
    histogram.show_range(1.0, math.inf)
    _drag(qtbot, histogram, 1.0, 0.5)
    assert (histogram.low, histogram.high) == (pytest.approx(0.5, abs=0.003), math.inf)


def test_a_click_changes_nothing_and_a_double_click_lets_all_pass(
    qtbot: QtBot, histogram: RangeHistogram
) -> None:
    histogram.show_range(0.2, 0.4)
    qtbot.mouseClick(histogram, LEFT, pos=_at(histogram, 0.7))
    assert (histogram.low, histogram.high) == (0.2, 0.4)
    qtbot.mouseDClick(histogram, LEFT, pos=_at(histogram, 0.7))
    assert (histogram.low, histogram.high) == (-math.inf, math.inf)


def test_handles_are_moved_by_keys(qtbot: QtBot, histogram: RangeHistogram) -> None:
    def press(key: Qt.Key, times: int = 1) -> tuple[float, float]:
        for _ in range(times):
            qtbot.keyClick(histogram, key)
        return histogram.low, histogram.high

    assert press(Qt.Key.Key_Right, 4) == (pytest.approx(0.1), math.inf)
    press(Qt.Key.Key_Up)
    assert press(Qt.Key.Key_Left, 2) == (pytest.approx(0.1), pytest.approx(0.95))
    assert press(Qt.Key.Key_PageDown) == (pytest.approx(0.1), pytest.approx(0.7))
    assert press(Qt.Key.Key_Home) == (pytest.approx(0.1), pytest.approx(0.1))
    assert press(Qt.Key.Key_End) == (pytest.approx(0.1), math.inf)
    press(Qt.Key.Key_Down)
    assert press(Qt.Key.Key_Left, 9) == (-math.inf, math.inf)
    press(Qt.Key.Key_Right, 9)
    assert press(Qt.Key.Key_Delete) == (-math.inf, math.inf)


def test_keys_step_over_integers(qtbot: QtBot) -> None:
    histogram = _shown(qtbot, np.repeat(np.arange(15), 3), "n_languages")
    qtbot.keyClick(histogram, Qt.Key.Key_Right)
    assert (histogram.low, histogram.high) == (1, math.inf)
    qtbot.keyClick(histogram, Qt.Key.Key_End)
    assert (histogram.low, histogram.high) == (14, math.inf)
    qtbot.keyClick(histogram, Qt.Key.Key_Left)
    qtbot.keyClick(histogram, Qt.Key.Key_Up)
    qtbot.keyClick(histogram, Qt.Key.Key_Left)
    assert (histogram.low, histogram.high) == (13, 13)


def test_the_range_is_told_to_screen_readers(qtbot: QtBot, histogram: RangeHistogram) -> None:
    assert histogram.accessibleName() == "Modality: from 0.00 to 1.00"
    histogram.show_range(0.25, math.inf)
    assert histogram.accessibleName() == "Modality: from 0.25 to 1.00"
    assert "Delete" in histogram.accessibleDescription()


def test_a_bar_tells_its_counts(qtbot: QtBot) -> None:
    histogram = _shown(qtbot, np.array([1, 3, 3, 4]), "n_languages")
    bar = histogram.bar_at(_at(histogram, 0.6).x())
    assert histogram.tip(bar).splitlines()[:2] == [
        "Lang. 3",
        "2 features; 2 shown; 2 selected",
    ]


@pytest.mark.parametrize("dark", [False, True])
def test_bars_handles_and_brushed_bars_are_seen(qtbot: QtBot, dark: bool) -> None:
    histogram = _shown(qtbot, np.repeat([0.0, 0.5, 1.0], [4, 9, 1]))
    if dark:
        histogram.setPalette(QPalette("#202020"))
    counts = Bars.of(np.repeat([0.0, 0.5, 1.0], [4, 9, 1]))
    none = np.zeros(len(counts), np.int64)
    histogram.show_bars(counts, Counts(counts.counts(), none, none))
    plain = histogram.grab().toImage()
    histogram.show_bars(counts, Counts(counts.counts(), counts.counts(), none))
    passing = histogram.grab().toImage()
    histogram.show_bars(counts, Counts(counts.counts(), counts.counts(), counts.counts()))
    brushed = histogram.grab().toImage()
    bar = _at(histogram, 0.5 + 0.5 / len(counts))
    colours = [image.pixelColor(bar).name() for image in (plain, passing, brushed)]
    assert len(set(colours)) == 3


def test_columns_without_values_are_drawn(qtbot: QtBot) -> None:
    histogram = _shown(qtbot, np.full(5, np.nan))
    histogram.grab()
    qtbot.keyClick(histogram, Qt.Key.Key_Right)
