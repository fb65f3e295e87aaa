"""Sections of a page that fold: a body is made when it is first unfolded."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QSizePolicy, QToolButton, QVBoxLayout, QWidget

from mmfeat_gui.resources.strings import tr
from mmfeat_gui.views import theme
from mmfeat_gui.workers.pages import Refused


class Fold(QWidget):
    """A title that folds what stands under it.

    Parameters
    ----------
    key : str
        ``page.<key>`` is its title, ``page.<key>_tip`` what it says on hovering.
    make : callable () to QWidget
        Makes the body, when it is first unfolded.
    show : callable (body, content)
        Puts content into the body.
    unfolded : bool
        Whether it begins so.
    parent : QWidget or None

    Attributes
    ----------
    unfolded : bool
        Whether the body is seen.

    Signals
    -------
    wanted()
        It was unfolded and has no content yet.
    turned()
        The user unfolded or folded it.
    """

    wanted = Signal()
    turned = Signal()

    def __init__(
        self,
        key: str,
        make: Callable[[], QWidget],
        show: Callable[[QWidget, object], None],
        *,
        unfolded: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.key = key
        self._make, self._show = make, show
        self._content: object = None
        self._shown: object = None
        self.body: QWidget | None = None
        self.button = QToolButton(self)
        self.button.setText(tr(f"page.{key}"))
        self.button.setToolTip(tr(f"page.{key}_tip"))
        self.button.setFont(theme.sized(self.font(), 1.05, bold=True))
        self.button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.button.setAutoRaise(True)
        self.button.setSizePolicy(QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Fixed)
        self._refused = theme.Muted(parent=self)
        self._refused.hide()
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 4, 0, 0)
        self._column.setSpacing(6)
        self._column.addWidget(self.button, 0, Qt.AlignmentFlag.AlignLeft)
        self._column.addWidget(self._refused)
        self.unfolded = unfolded
        self.button.clicked.connect(self._turn)
        self._point()

    def show_content(self, content: object) -> None:
        """Show content, or keep it until the section is unfolded; None where it was not read."""
        self._content = content
        self._draw()

    def unfold(self, unfolded: bool) -> None:
        """Unfold or fold the section."""
        self.unfolded = unfolded
        self._point()
        if self.unfolded and self._content is None:
            self.wanted.emit()
        self._draw()

    def _turn(self) -> None:
        self.unfold(not self.unfolded)
        self.turned.emit()

    def _point(self) -> None:
        arrow = Qt.ArrowType.DownArrow if self.unfolded else Qt.ArrowType.RightArrow
        self.button.setArrowType(arrow)
        state = tr("page.unfolded") if self.unfolded else tr("page.folded")
        self.button.setAccessibleName(f"{self.button.text()}, {state}")

    def _draw(self) -> None:
        content = self._content
        refused = isinstance(content, Refused)
        self._refused.setVisible(self.unfolded and refused)
        if isinstance(content, Refused):
            self._refused.setText(content.sentence)
        seen = self.unfolded and content is not None and not refused
        if seen and self.body is None:
            self.body = self._make()
            self._column.addWidget(self.body)
        if self.body is not None:
            if seen and content is not self._shown:
                self._show(self.body, content)
                self._shown = content
            self.body.setVisible(seen)
