"""What the window shows before an atlas is open: what to do."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCommandLinkButton,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from mmfeat_gui.resources.strings import tr
from mmfeat_gui.views import theme


class Welcome(QWidget):
    """Invites to open an atlas, or to make one.

    Signals
    -------
    open_wanted(), recent_chosen(path)
    demo_wanted()
    last_wanted()
        The window closed last is wanted as it was.
    """

    open_wanted = Signal()
    recent_chosen = Signal(str)
    demo_wanted = Signal()
    last_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        title = QLabel(tr("welcome.title"))
        title.setFont(theme.sized(self.font(), 2.0, bold=True))
        title.setWordWrap(True)
        what = QLabel(tr("welcome.what"))
        what.setWordWrap(True)
        self.open_button = QPushButton(tr("welcome.open"))
        self.open_button.setDefault(True)
        self.open_button.clicked.connect(self.open_wanted)
        demo = QLabel(tr("welcome.demo"))
        demo.setWordWrap(True)
        command = QLabel("mmfeat demo")
        command.setFont(theme.sized(self.font(), 1.1))
        command.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self._recent_heading = theme.heading(tr("welcome.recent"))
        self._recent = QVBoxLayout()
        self._recent.setSpacing(2)

        inside = QWidget()
        inside.setFixedWidth(560)
        column = QVBoxLayout(inside)
        column.setSpacing(12)
        column.addWidget(title)
        column.addWidget(what)
        column.addWidget(self.open_button, 0, Qt.AlignmentFlag.AlignLeft)
        column.addSpacing(8)
        column.addWidget(demo)
        column.addWidget(command)
        self.demo_button = QPushButton(tr("welcome.make_demo"))
        self.demo_button.clicked.connect(self.demo_wanted)
        column.addWidget(self.demo_button, 0, Qt.AlignmentFlag.AlignLeft)
        column.addSpacing(8)
        self.last_button = QPushButton(tr("welcome.last"))
        self.last_button.clicked.connect(self.last_wanted)
        column.addWidget(self._recent_heading)
        column.addWidget(self.last_button, 0, Qt.AlignmentFlag.AlignLeft)
        column.addLayout(self._recent)
        outer = QVBoxLayout(self)
        outer.addStretch(2)
        row = QHBoxLayout()  # an alignment would forget that texts wrap
        row.addStretch(1)
        row.addWidget(inside)
        row.addStretch(1)
        outer.addLayout(row)
        outer.addStretch(3)
        self.show_recent([])

    def show_recent(self, paths: Sequence[str]) -> None:
        """Show the atlases opened last."""
        while (entry := self._recent.takeAt(0)) is not None:
            widget = entry.widget()
            if widget is not None:
                widget.deleteLater()
        self._recent_heading.setVisible(bool(paths))
        self.last_button.setVisible(bool(paths))
        for name in paths[:5]:
            path = Path(name)
            button = QCommandLinkButton(path.name, str(path.parent))
            button.clicked.connect(lambda _=False, chosen=name: self.recent_chosen.emit(chosen))
            self._recent.addWidget(button)
