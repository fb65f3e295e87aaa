"""The dialog in which an atlas is chosen."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QWidget

from mmfeat_gui.resources.strings import tr
from mmfeat_gui.state.summary import Summary


def ask_for_atlas(parent: QWidget, title: str, near: Summary | None) -> Path | None:
    """Ask for an atlas, beginning where another one lies; None where none was chosen."""
    folder = str(near.path.parent) if near is not None else ""
    kinds = tr("open.filter") + " (*.h5 *.hdf5);;" + tr("open.all") + " (*)"
    name, _ = QFileDialog.getOpenFileName(parent, title, folder, kinds)
    return Path(name) if name else None
