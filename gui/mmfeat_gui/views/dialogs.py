"""The dialogs in which files are chosen."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QWidget

from mmfeat_gui.resources.strings import tr
from mmfeat_gui.state.session import SUFFIX


def _kinds(own: str) -> str:
    return f"{own};;{tr('open.all')} (*)"


def _near(path: Path | None) -> str:
    return "" if path is None else str(path.parent)


def ask_for_atlas(parent: QWidget, title: str, near: Path | None) -> Path | None:
    """Ask for an atlas, beginning where another one lies; None where none was chosen."""
    kinds = _kinds(f"{tr('open.filter')} (*.h5 *.hdf5)")
    name, _ = QFileDialog.getOpenFileName(parent, title, _near(near), kinds)
    return Path(name) if name else None


def ask_for_session(parent: QWidget, near: Path | None) -> Path | None:
    """Ask for a session to restore, beginning where the atlas lies."""
    kinds = _kinds(f"{tr('session.filter')} (*{SUFFIX})")
    name, _ = QFileDialog.getOpenFileName(parent, tr("session.open"), _near(near), kinds)
    return Path(name) if name else None


def ask_for_session_file(parent: QWidget, atlas: Path | None) -> Path | None:
    """Ask where to save a session; beside the atlas, and named after it, where nobody objects."""
    wanted = "" if atlas is None else str(atlas.with_suffix(SUFFIX))
    kinds = _kinds(f"{tr('session.filter')} (*{SUFFIX})")
    name, _ = QFileDialog.getSaveFileName(parent, tr("session.save"), wanted, kinds)
    if not name:
        return None
    return Path(name) if Path(name).suffix else Path(name).with_suffix(SUFFIX)


def ask_for_folder(parent: QWidget, title: str) -> Path | None:
    """Ask for a folder; None where none was chosen."""
    name = QFileDialog.getExistingDirectory(parent, title)
    return Path(name) if name else None
