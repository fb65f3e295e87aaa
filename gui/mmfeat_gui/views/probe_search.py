"""The search by examples: what they are, what was found, and the command that finds the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLineEdit, QToolButton, QVBoxLayout, QWidget

from mmfeat_gui.resources.strings import tr
from mmfeat_gui.state.probe import Hit
from mmfeat_gui.state.sources import Source, TextSource, label
from mmfeat_gui.views import theme
from mmfeat_gui.views.probe_chips import Chips
from mmfeat_gui.views.tiles import FeatureFlow, FeatureTile


class CommandLine(QWidget):
    """A command to copy."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.line = QLineEdit()
        self.line.setReadOnly(True)
        self.line.setAccessibleName(tr("probe.command"))
        self.copy = QToolButton()
        self.copy.setText(tr("probe.copy"))
        self.copy.setAccessibleName(tr("probe.copy_tip"))
        self.copy.setToolTip(tr("probe.copy_tip"))
        self.copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.line.text()))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.line, 1)
        row.addWidget(self.copy)

    def show_command(self, command: str) -> None:
        """Show a command; nothing where it is empty."""
        self.line.setText(command)
        self.line.setCursorPosition(0)
        self.setVisible(bool(command))


class SearchSection(QWidget):
    """Examples for and against, with the features that tell them apart.

    Signals
    -------
    examples_changed()
    activated(feature)
    """

    examples_changed = Signal()
    activated = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.sides: tuple[list[Source], list[Source]] = ([], [])
        self.chips = (Chips(), Chips())
        grid = QGridLayout()
        grid.setColumnStretch(1, 1)
        for row, (key, chips) in enumerate(zip(("for", "against"), self.chips, strict=True)):
            name = theme.Muted(tr(f"probe.{key}"))
            name.setWordWrap(False)
            chips.setAccessibleName(tr(f"probe.{key}"))
            chips.removed.connect(lambda index, side=row: self._remove(side, index))
            grid.addWidget(name, row, 0)
            grid.addWidget(chips, row, 1)
        self.hint = theme.Muted(tr("probe.search_hint"))
        self.hits = FeatureFlow()
        self.hits.setAccessibleName(tr("probe.found"))
        self.hits.activated.connect(lambda index: self.activated.emit(self.hits.feature(index)))
        self.command = CommandLine()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 8, 0, 0)
        column.addWidget(theme.heading(tr("probe.search")))
        column.addWidget(self.hint)
        column.addLayout(grid)
        column.addWidget(self.hits)
        column.addWidget(self.command)
        self._show_examples()

    def add(self, source: Source, *, against: bool) -> None:
        """Take an example, once; it is no longer one of the other kind."""
        own, other = self.sides[::-1] if against else self.sides
        if source in other:
            other.remove(source)
        if source not in own:
            own.append(source)
        self._show_examples()
        self.examples_changed.emit()

    def clear(self) -> None:
        """Take all examples away."""
        for side in self.sides:
            side.clear()
        self._show_examples()

    def _remove(self, side: int, index: int) -> None:
        del self.sides[side][index]
        self._show_examples()
        self.examples_changed.emit()

    def _show_examples(self) -> None:
        for side, chips in zip(self.sides, self.chips, strict=True):
            tags = [one.language or "" if isinstance(one, TextSource) else "" for one in side]
            chips.show_chips([label(one) for one in side], tags)
        if not self.sides[0]:
            self.hits.show_tiles([])
            self.command.show_command("")
        self.hint.setVisible(not self.sides[0])

    def show_hits(self, hits: Sequence[Hit], title: Callable[[int], str], command: str) -> None:
        """Show what was found, the best first."""
        self.hits.show_tiles([_tile(hit, title(hit.feature)) for hit in hits])
        self.command.show_command(command)


def _tile(hit: Hit, title: str) -> FeatureTile:
    detail = tr("probe.hit", score=hit.score, positive=hit.positive, negative=hit.negative)
    tip = tr(
        "probe.hit_tip",
        score=hit.score,
        positive=hit.positive,
        negative=hit.negative,
        positive_rate=hit.positive_rate,
        negative_rate=hit.negative_rate,
        image_rate=hit.image_rate,
        text_rate=hit.text_rate,
    )
    return FeatureTile(hit.feature, title, detail, tip)
