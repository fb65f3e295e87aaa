"""What is done with the engine from the menus and the palette."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from mmfeat_gui.views.actions import Action
from mmfeat_gui.views.probe_panel import ProbePanel
from mmfeat_gui.views.steer_panel import SteerPanel

if TYPE_CHECKING:
    from mmfeat_gui.views.main_window import MainWindow


def _probe(window: MainWindow) -> ProbePanel:
    window.bring(ProbePanel.key)
    return cast("ProbePanel", window.panel(ProbePanel))


def _steer(window: MainWindow) -> SteerPanel:
    window.bring(SteerPanel.key)
    return cast("SteerPanel", window.panel(SteerPanel))


ACTIONS: tuple[Action, ...] = (
    Action("probe_paste", "tools", lambda window: _probe(window).inputs[0].take_clipboard()),
    Action("probe_item", "tools", lambda window: _probe(window).take_item()),
    Action("steer_feature", "tools", lambda window: _steer(window).add_shown()),
    Action("steer_brushed", "tools", lambda window: _steer(window).add_brushed()),
)
