"""The action that exports what is on the screen; its dialog is loaded when it is first wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmfeat_gui.views.actions import Action
from mmfeat_gui.workers.jobs import shared_jobs

if TYPE_CHECKING:
    from mmfeat_gui.views.main_window import MainWindow


def _show(window: MainWindow) -> None:
    from mmfeat_gui.views.export_form import ExportDialog

    ExportDialog(window.context, shared_jobs(), window).open()


ACTIONS = (Action("export", "file", _show, ("Ctrl+E",)),)
