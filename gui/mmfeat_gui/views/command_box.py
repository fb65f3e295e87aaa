"""A command line to read and to copy."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QFontDatabase, QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QPushButton, QWidget

from mmfeat_gui.resources.strings import tr

_LINES = 3


class CommandBox(QWidget):
    """Shows the command that does the same in a shell, with a button to copy it.

    Parameters
    ----------
    parent : QWidget or None
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.text = QPlainTextEdit(self)
        self.text.setReadOnly(True)
        self.text.setTabChangesFocus(True)
        self.text.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.text.setLayoutDirection(Qt.LayoutDirection.LeftToRight)
        self.text.setAccessibleName(tr("command.accessible"))
        self.text.setPlaceholderText(tr("command.none"))
        frame = 2 * (self.text.frameWidth() + int(self.text.document().documentMargin()))
        self.text.setFixedHeight(_LINES * self.text.fontMetrics().lineSpacing() + frame)
        self.copy_button = QPushButton(tr("command.copy"), self)
        self.copy_button.setAutoDefault(False)
        self.copy_button.clicked.connect(self.copy)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.text, 1)
        row.addWidget(self.copy_button, 0, Qt.AlignmentFlag.AlignTop)

    def show_command(self, command: str) -> None:
        """Show a command; an empty one where there is none to show."""
        if command != self.text.toPlainText():
            self.text.setPlainText(command)
        self.copy_button.setEnabled(bool(command))

    def copy(self) -> None:
        """Put the command on the clipboard."""
        QGuiApplication.clipboard().setText(self.text.toPlainText())
