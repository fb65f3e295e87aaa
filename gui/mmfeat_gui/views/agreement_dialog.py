"""How far two people's notes agree, as a table whose rows lead to the features they differ on."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QLabel,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from mmfeat_gui.resources.strings import tr
from mmfeat_gui.state.agreement import Agreement, TagAgreement
from mmfeat_gui.views.context import Context

_COLUMNS = ("tag", "kappa", "agree", "both", "mine", "theirs", "neither")


class AgreementDialog(QDialog):
    """The agreement of the open notes with another person's.

    Parameters
    ----------
    context : Context
    found : Agreement
        Of the open notes with the others.
    name : str
        What the others are called.
    parent : QWidget
    """

    def __init__(self, context: Context, found: Agreement, name: str, parent: QWidget) -> None:
        super().__init__(parent)
        self._context, self._rows = context, found.tags
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("notes.agreement"))
        self.resize(640, 420)
        self.sentence = QLabel(self)
        self.sentence.setTextFormat(Qt.TextFormat.PlainText)
        self.sentence.setWordWrap(True)
        self.sentence.setText(
            tr(
                "notes.agreement_sentence",
                file=name,
                mine=found.first,
                theirs=found.second,
                common=len(found.common),
                named=found.named,
                alike=found.alike,
            )
        )
        self.table = QTableWidget(len(self._rows), len(_COLUMNS), self)
        self.table.setAccessibleName(tr("notes.agreement"))
        for column, key in enumerate(_COLUMNS):
            title = QTableWidgetItem(tr(f"notes.column_{key}"))
            title.setToolTip(tr(f"notes.column_{key}_tip"))
            self.table.setHorizontalHeaderItem(column, title)
        self.table.verticalHeader().hide()
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for row, one in enumerate(self._rows):
            for column, text in enumerate(_cells(one)):
                item = QTableWidgetItem(text)
                if column:
                    item.setTextAlignment(
                        Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
                    )
                self.table.setItem(row, column, item)
        buttons = QDialogButtonBox(self)
        buttons.addButton(tr("notes.close"), QDialogButtonBox.ButtonRole.RejectRole)
        self.select = buttons.addButton(
            tr("notes.select_differing"), QDialogButtonBox.ButtonRole.ActionRole
        )
        column_box = QVBoxLayout(self)
        column_box.addWidget(self.sentence)
        column_box.addWidget(self.table, 1)
        column_box.addWidget(buttons)
        buttons.rejected.connect(self.reject)
        self.select.clicked.connect(self._select)
        self.table.cellActivated.connect(lambda row, column: self._select())
        self.table.currentCellChanged.connect(self._update)
        self.table.setFocus()
        self._update()

    def _differ(self) -> TagAgreement | None:
        row = self.table.currentRow()
        return self._rows[row] if 0 <= row < len(self._rows) else None

    def _update(self) -> None:
        chosen = self._differ()
        self.select.setEnabled(chosen is not None and bool(chosen.differ))

    def _select(self) -> None:
        """Brush the features on which the two differ, wherever features are shown."""
        chosen = self._differ()
        if chosen is not None and chosen.differ:
            self._context.store.change("undo.select_features", features=chosen.differ)
            self.accept()


def _cells(one: TagAgreement) -> list[str]:
    kappa = "–" if one.kappa is None else f"{one.kappa:.2f}"
    counts = (one.both, one.only_first, one.only_second, one.neither)
    return [one.tag or tr("notes.star"), kappa, f"{one.share:.0%}", *(f"{n:,}" for n in counts)]
