"""What a model writes before and after a change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QGridLayout,
    QLabel,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from mmfeat_gui.resources.strings import tr
from mmfeat_gui.views import theme
from mmfeat_gui.views.captions import alignment
from mmfeat_gui.views.fonts import font_for

_TOKENS = 64  # of the text that is followed


class WrittenView(QWidget):
    """Both texts beside each other, the text whose probability is followed, and the controls."""

    def __init__(self, result: Mapping[str, Any], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._language = str(result["language"])
        self.texts: dict[str, QLabel] = {}
        grid = QGridLayout()
        for column, when in enumerate(("before", "after")):
            grid.addWidget(theme.heading(tr(f"steer.{when}")), 0, column)
            self.texts[when] = self._text(result[when]["text"])
            grid.addWidget(self.texts[when], 1, column, Qt.AlignmentFlag.AlignTop)
            grid.setColumnStretch(column, 1)
        controls = result["controls"]
        for row, (key, text) in enumerate(
            (("noop", controls["noop"]["text"]), ("random", controls["random"]["text"]))
        ):
            if text is not None:
                grid.addWidget(theme.Muted(tr(f"steer.text_{key}")), 2 + 2 * row, 0, 1, 2)
                self.texts[key] = self._text(text)
                grid.addWidget(self.texts[key], 3 + 2 * row, 0, 1, 2)
        followed = result["continuation"]
        changes = controls["random"]["changes"]
        self.words = theme.Muted(
            tr(
                "steer.followed",
                change=followed["change"],
                noop=controls["noop"]["change"],
                count=len(changes),
                exceeded=controls["exceeded"],
                p=controls["p"],
            )
        )
        self.tokens = self._table(followed["tokens"][:_TOKENS])
        column_ = QVBoxLayout(self)
        column_.setContentsMargins(0, 8, 0, 4)
        column_.addLayout(grid)
        column_.addWidget(self.words)
        column_.addWidget(self.tokens)

    def _text(self, text: str) -> QLabel:
        label = QLabel(text)
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setWordWrap(True)
        label.setFont(font_for(self._language, self.font()))
        label.setAlignment(alignment(self._language) | Qt.AlignmentFlag.AlignTop)
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        return label

    def _table(self, tokens: list[Mapping[str, Any]]) -> QTableWidget:
        table = QTableWidget(len(tokens), 4)
        table.setAccessibleName(tr("steer.tokens"))
        table.setHorizontalHeaderLabels(
            [tr(f"steer.{key}") for key in ("token", "before", "after", "change")]
        )
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setTabKeyNavigation(False)
        table.verticalHeader().hide()
        for row, one in enumerate(tokens):
            texts = [one["token"], *(f"{one[key]:+.2f}" for key in ("before", "after", "change"))]
            for column, text in enumerate(texts):
                table.setItem(row, column, QTableWidgetItem(text))
        table.setFixedHeight(min(len(tokens), 8) * table.rowHeight(0) + 40 if tokens else 40)
        return table
