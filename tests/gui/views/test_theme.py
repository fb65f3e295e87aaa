from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QColor, QImage, QPalette
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QCheckBox,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QRadioButton,
    QStyle,
    QStyleOptionButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)
from pytestqt.qtbot import QtBot

from mmfeat_gui.views.windows import _dark


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest, application: QApplication) -> Iterator[str]:
    before = application.palette()
    standard = application.style().standardPalette()
    application.setPalette(_dark() if request.param == "dark" else standard)
    yield request.param
    application.setPalette(before)


def _light(colour: QColor) -> float:
    """Return the relative luminance (WCAG 2.1)."""
    parts = [colour.redF(), colour.greenF(), colour.blueF()]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: QColor, other: QColor) -> float:
    low, high = sorted((_light(one), _light(other)))
    return (high + 0.05) / (low + 0.05)


def _frame(image: QImage, box: QRect) -> float:
    """Return the least contrast of the left edge of a box with what is beside it."""
    row = box.center().y()
    line = [image.pixelColor(x, row) for x in range(box.left() - 3, box.center().x() + 1)]
    return max(min(_contrast(own, line[0]), _contrast(own, line[-1])) for own in line[1:-1])


def _indicator(button: QAbstractButton, element: QStyle.SubElement) -> QRect:
    option = QStyleOptionButton()
    option.initFrom(button)
    own = button.style().subElementRect(element, option, button)
    return own.translated(button.pos())


def _ticks(qtbot: QtBot) -> dict[str, float]:
    whole = QWidget()
    qtbot.addWidget(whole)
    column = QVBoxLayout(whole)
    check, radio, tree, items = QCheckBox("a"), QRadioButton("b"), QTreeWidget(), QListWidget()
    QTreeWidgetItem(tree, ["c"]).setCheckState(0, Qt.CheckState.Unchecked)
    QListWidgetItem("d", items).setCheckState(Qt.CheckState.Unchecked)
    for widget in (check, radio, tree, items):
        column.addWidget(widget)
    whole.resize(240, 360)
    with qtbot.waitExposed(whole):
        whole.show()
    image = whole.grab().toImage()
    found = {
        "check": _frame(image, _indicator(check, QStyle.SubElement.SE_CheckBoxIndicator)),
        "radio": _frame(image, _indicator(radio, QStyle.SubElement.SE_RadioButtonIndicator)),
    }
    size = check.style().pixelMetric(QStyle.PixelMetric.PM_IndicatorWidth)
    for name, view in (("tree", tree), ("list", items)):
        row = view.visualItemRect(view.itemAt(view.viewport().rect().center() * 0.02))
        place = view.viewport().mapTo(whole, row.topLeft())
        found[name] = _frame(image, QRect(place.x() + 1, place.y(), size + 8, row.height()))
    menu = QMenu(whole)
    action = menu.addAction("e")
    action.setCheckable(True)
    menu.resize(menu.sizeHint())
    drawn = menu.grab().toImage()
    row = menu.actionGeometry(action)
    found["menu"] = _frame(drawn, QRect(row.left() + 4, row.top(), size + 10, row.height()))
    return found


def test_frames_of_boxes_to_tick_are_seen_in_light_and_dark(qtbot: QtBot, scheme: str) -> None:
    assert {name: value for name, value in _ticks(qtbot).items() if value < 3} == {}


def test_what_is_switched_off_steps_back_in_both(qtbot: QtBot, scheme: str) -> None:
    palette = QApplication.palette()
    for role in (QPalette.ColorRole.WindowText, QPalette.ColorRole.ButtonText):
        on, off = (
            palette.color(group, role)
            for group in (QPalette.ColorGroup.Active, QPalette.ColorGroup.Disabled)
        )
        ground = palette.window().color()
        assert _contrast(off, ground) < 0.7 * _contrast(on, ground)
