"""The page of a feature that fires for pictures and in many languages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from mmfeat_gui.state.history import Place
from mmfeat_gui.views.feature_page import FeaturePageView
from mmfeat_gui.views.main_window import MainWindow
from tests.gui.views.page.hand import panel_of

Settle = Callable[[MainWindow], None]


@pytest.fixture
def page(qtbot: QtBot, opened: MainWindow, truth: Any, settle: Settle) -> FeaturePageView:
    opened.open_feature(truth.with_pictures_and_captions())
    settle(opened)
    shown = panel_of(opened).feature_page
    qtbot.waitUntil(lambda: shown.complete)
    return shown


@pytest.fixture
def go(qtbot: QtBot, opened: MainWindow, settle: Settle) -> Callable[[Place], None]:
    def to(place: Place) -> None:
        opened.context.go(place)
        settle(opened)

    return to
