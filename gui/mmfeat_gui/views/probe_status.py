"""What the engine is doing, and what stands in its way."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from mmfeat_gui.resources.strings import has, tr
from mmfeat_gui.views import theme
from mmfeat_gui.workers.engine_child import Doing


class EngineStatus(QWidget):
    """Progress with a way to end it, and the sentence on why something failed.

    Signals
    -------
    cancelled()
    """

    cancelled = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.label = QLabel()
        self.label.setTextFormat(Qt.TextFormat.PlainText)
        self.label.setWordWrap(True)
        self.label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.bar = QProgressBar()
        self.bar.setFixedWidth(160)
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName(tr("engine.progress"))
        self.cancel = QPushButton(tr("engine.cancel"))
        self.cancel.clicked.connect(self.cancelled)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.label, 1)
        row.addWidget(self.bar)
        row.addWidget(self.cancel)
        self.clear()

    def begin(self) -> None:
        """Say that something was asked for."""
        self._busy(tr("engine.waiting"), 0, None)

    def follow(self, doing: Doing) -> None:
        """Say what is done just now."""
        what = doing.what
        first, _, language = what.rpartition(" in ")
        for key, values in ((what, {}), (first, {"language": language})):
            stage = key.replace(" ", "_")
            if has(f"engine.{stage}"):
                what = tr(f"engine.{stage}", **values)
                break
        if doing.total:
            what = tr("engine.of", what=what, done=doing.done, total=doing.total)
        self._busy(what, doing.done, doing.total)

    def fail(self, sentence: str) -> None:
        """Say why there is no answer."""
        self._say(sentence, busy=False)

    def clear(self) -> None:
        """Say nothing: the answer is shown."""
        self._say("", busy=False)

    def _busy(self, text: str, done: int, total: int | None) -> None:
        self.bar.setRange(0, total or 0)
        self.bar.setValue(done)
        self._say(text, busy=True)

    def _say(self, text: str, *, busy: bool) -> None:
        self.label.setText(text)
        self.bar.setVisible(busy)
        self.cancel.setVisible(busy)
        self.setVisible(bool(text))


class BackboneRow(QWidget):
    """Why the backbone is not at hand, and where the user may say that it is.

    Signals
    -------
    pointed(place)
        A folder or a SPEC.
    """

    pointed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.reason = QLabel()
        self.reason.setTextFormat(Qt.TextFormat.PlainText)
        self.reason.setWordWrap(True)
        self.reason.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.place = QLineEdit()
        self.place.setPlaceholderText(tr("engine.place"))
        self.place.setAccessibleName(tr("engine.place"))
        self.place.returnPressed.connect(self._use)
        self.browse = QPushButton(tr("engine.browse"))
        self.browse.clicked.connect(self._browse)
        self.use = QPushButton(tr("engine.use"))
        self.use.clicked.connect(self._use)
        row = QHBoxLayout()
        row.addWidget(self.place, 1)
        row.addWidget(self.browse)
        row.addWidget(self.use)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 6)
        column.addWidget(theme.heading(tr("engine.missing")))
        column.addWidget(self.reason)
        column.addLayout(row)
        self.hide()

    def explain(self, reason: str) -> None:
        """Show why, and ask where the backbone is."""
        self.reason.setText(reason)
        self.show()

    def _browse(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, tr("engine.browse"), self.place.text())
        if folder:
            self.place.setText(folder)
            self._use()

    def _use(self) -> None:
        place = self.place.text().strip()
        if place:
            self.pointed.emit(place)
