"""One tab of the window."""

from __future__ import annotations

from typing import ClassVar, Literal

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QWidget

from mmfeat_gui.views.context import Context

Area = Literal["maps", "table", "pages"]


class Panel(QWidget):
    """A part of the window with a tab of its own.

    It draws what the state says and changes the state when the user acts; it calls no other
    panel.

    Parameters
    ----------
    context : Context
    parent : QWidget or None

    Attributes
    ----------
    key : str
        Its name; ``panel.<key>`` is its title.
    area : str
        Where its tab stands: ``maps`` left above, ``table`` left below, ``pages`` right.
    follows_place : bool
        Of the panels on the right: whether it stays in front when a page is gone to, since it
        shows something of that page's feature itself.
    """

    key: ClassVar[str]
    area: ClassVar[Area]
    follows_place: ClassVar[bool] = False

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context = context

    def first_focus(self) -> QWidget:
        """Return where the keyboard goes when the panel comes to the front."""
        return self

    def content_size(self) -> QSize | None:
        """Return the size of all that it shows; None where that is the size of the panel."""
        return None


class Page(QWidget):
    """Something that takes the whole window and needs no atlas."""

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context = context

    def may_close(self) -> bool:
        """Return whether the window may close, having asked about what still runs."""
        return True
