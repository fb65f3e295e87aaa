"""Rows of the table on the clipboard and in files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PySide6.QtCore import QObject
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QWidget

from mmfeat_gui.resources.strings import tr
from mmfeat_gui.views.context import Context
from mmfeat_gui.workers.table import Cells, CopyRows, WriteRows


class TableOutput(QObject):
    """Copies and writes the rows that are brushed among those shown, with the columns shown.

    Parameters
    ----------
    context : Context
    parent : QWidget
        Over which it asks for a file.
    """

    def __init__(self, context: Context, parent: QWidget) -> None:
        super().__init__(parent)
        self._context, self._widget = context, parent

    def _cells(self, columns: Sequence[str]) -> Cells | None:
        """Return the brushed rows that are shown; None with a word on why not, before that."""
        if self._context.summary is None:
            return None
        table, notes = self._context.summary.table, self._context.notes
        if not table.named:
            self._context.say(tr("table.names_still"))
            return None
        brushed = self._context.store.state.features.mask(len(table))
        return Cells(
            table,
            table.rows[brushed[table.rows]],
            ("feature", *(key for key in columns if key != "feature")),
            {feature: ", ".join(note.tags) for feature, note in notes.all().items()},
            frozenset(notes.starred().indices.tolist()),
        )

    def copy(self, columns: Sequence[str], current: int) -> None:
        """Copy the brushed rows, else that of one feature, with tabs between cells.

        Parameters
        ----------
        columns : sequence of str
        current : int
            The feature, -1 for none.
        """
        cells = self._cells(columns)
        if cells is not None and not len(cells.rows) and current >= 0:
            cells = replace(cells, rows=np.array([current], np.int64))
        if cells is None or not len(cells.rows):
            return
        count = len(cells.rows)

        def done(text: str | None) -> None:
            QGuiApplication.clipboard().setText(text or "")
            self._context.say(tr("table.copied", count=count))

        self._context.reader.follow(CopyRows(cells), done, failed=self._context.say)

    def choose_file(self, columns: Sequence[str]) -> None:
        """Ask where the rows go."""
        summary = self._context.summary
        if summary is None:
            return
        name = str(summary.path.with_name(f"{summary.path.stem}-features.csv"))
        kind = f"{tr('table.csv')} (*.csv)"
        dialog = QFileDialog(self._widget, tr("table.export_title"), name, kind)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("csv")
        dialog.fileSelected.connect(lambda chosen: self.write(Path(chosen), columns))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def write(self, path: Path, columns: Sequence[str]) -> None:
        """Write the brushed rows, else all that are shown, to a CSV file."""
        cells = self._cells(columns)
        if cells is None:
            return
        if not len(cells.rows):
            cells = replace(cells, rows=cells.table.rows)
        count = len(cells.rows)

        def done(written: Path | None) -> None:
            self._context.say(tr("table.written", count=count, file=written))

        self._context.reader.follow(WriteRows(cells, path), done, failed=self._context.say)
