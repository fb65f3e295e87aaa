"""Where the pages of a window are."""

from __future__ import annotations

from typing import cast

from mmfeat_gui.views.main_window import MainWindow
from mmfeat_gui.views.page_panel import PagePanel


def panel_of(window: MainWindow) -> PagePanel:
    return cast("PagePanel", window.bench.panel("page"))
