"""What can be done with notes from menus and keys: label, go on, import, export, compare."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QFileDialog

from mmfeat_gui.resources.strings import tr
from mmfeat_gui.state import notes_csv, notes_file
from mmfeat_gui.state.agreement import Agreement, agreement
from mmfeat_gui.state.notes import Note, edit
from mmfeat_gui.views.actions import Action
from mmfeat_gui.views.agreement_dialog import AgreementDialog
from mmfeat_gui.views.notes_panel import KEYS, TAG_KEYS, NotesPanel, tag_keys

if TYPE_CHECKING:
    from mmfeat_gui.views.main_window import MainWindow

_CSV, _JSON = "*.csv", f"*{notes_file.SUFFIX}"


def _panel(window: MainWindow) -> NotesPanel:
    panel = window.panel(NotesPanel)
    assert isinstance(panel, NotesPanel)
    return panel


def _near(window: MainWindow) -> str:
    path = window.context.path
    return "" if path is None else str(path.parent)


def _import(window: MainWindow) -> None:
    kinds = f"{tr('notes.csv')} ({_CSV});;{tr('open.all')} (*)"
    name, _ = QFileDialog.getOpenFileName(window, tr("notes.import_title"), _near(window), kinds)
    if name:
        import_csv(window, Path(name))


def import_csv(window: MainWindow, file: Path) -> None:
    """Take over the notes of a table; those on features that it does not name stay."""
    context = window.context
    notes = context.notes

    def take(found: dict[int, Note]) -> None:
        if context.notes is notes:
            edit(context.store, "undo.notes_import", notes, found)
            context.say(tr("notes.imported", count=len(found), file=file.name))

    _panel(window).commit()
    context.tasks.run(lambda: notes_csv.read(file, notes.fingerprint, notes.d_sae), take)


def _export(window: MainWindow) -> None:
    path = window.context.path
    wanted = "" if path is None else str(path.with_name(f"{path.name}.notes.csv"))
    kinds = f"{tr('notes.csv')} ({_CSV})"
    name, _ = QFileDialog.getSaveFileName(window, tr("notes.export_title"), wanted, kinds)
    if name:
        export_csv(window, Path(name) if Path(name).suffix else Path(f"{name}.csv"))


def export_csv(window: MainWindow, file: Path) -> None:
    """Write all notes as a table."""
    _panel(window).commit()
    context = window.context
    known, whose = context.notes.all(), context.notes.fingerprint
    context.tasks.run(
        lambda: notes_csv.write(file, whose, known),
        lambda count: context.say(tr("notes.exported", count=count, file=file.name)),
    )


def _compare(window: MainWindow) -> None:
    kinds = f"{tr('notes.files')} ({_JSON} {_CSV})"
    name, _ = QFileDialog.getOpenFileName(window, tr("notes.compare_title"), _near(window), kinds)
    if name:
        compare_with(window, Path(name))


def compare_with(window: MainWindow, file: Path) -> None:
    """Show how far another person's notes agree with those that are open."""
    _panel(window).commit()
    context = window.context
    notes = context.notes
    known, whose, count = notes.all(), notes.fingerprint, notes.d_sae

    def compare() -> Agreement:
        if file.suffix == ".csv":
            return agreement(known, notes_csv.read(file, whose, count))
        return agreement(known, notes_file.read(file, whose, count))

    def show(found: Agreement) -> None:
        if context.notes is notes:
            AgreementDialog(context, found, file.name, window).open()

    context.tasks.run(compare, show)


def _tag(number: int) -> Action:
    return Action(
        f"note_tag_{number}",
        "notes",
        lambda window: _panel(window).toggle_tag(number),
        (tag_keys(number),),
        enabled=lambda window: (
            window.context.summary is not None and len(window.context.notes.tags()) >= number
        ),
    )


ACTIONS: tuple[Action, ...] = (
    Action("note_star", "notes", lambda w: _panel(w).toggle_star(), (KEYS["note_star"],)),
    Action(
        "note_reviewed", "notes", lambda w: _panel(w).toggle_reviewed(), (KEYS["note_reviewed"],)
    ),
    Action("note_done", "notes", lambda w: _panel(w).finish(), (KEYS["note_done"],)),
    Action("note_next", "notes", lambda w: _panel(w).go_on(), (KEYS["note_next"],)),
    Action(
        "note_previous",
        "notes",
        lambda w: _panel(w).go_on(backwards=True),
        (KEYS["note_previous"],),
    ),
    *(_tag(number) for number in range(1, TAG_KEYS + 1)),
    Action("notes_import", "notes", _import),
    Action("notes_export", "notes", _export),
    Action("notes_compare", "notes", _compare),
)
