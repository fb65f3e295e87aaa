from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import QPlainTextEdit, QWidget
from pytestqt.qtbot import QtBot

from mmfeat_gui.resources import strings
from mmfeat_gui.state.history import Place
from mmfeat_gui.state.selection import Selection
from mmfeat_gui.state.settings import Settings
from mmfeat_gui.state.view import ViewState
from mmfeat_gui.views.context import Context
from mmfeat_gui.views.export_dialog import ACTIONS
from mmfeat_gui.views.export_form import ExportDialog
from mmfeat_gui.views.main_window import MainWindow
from mmfeat_gui.workers.jobs import Jobs

LONG = 120_000
SHOWN = ViewState(
    place=Place("feature", 3),
    features=Selection.of([3, 5]),
    colouring="n_languages",
    panels=("map", "table", "page"),
)


@pytest.fixture
def context(qtbot: QtBot, atlas_path: Path) -> Iterator[Context]:
    strings.use("en")
    made = Context(Settings())
    made.reader.opened.connect(lambda summary: made.show_atlas(summary, SHOWN))
    made.reader.open(atlas_path)
    qtbot.waitUntil(lambda: made.summary is not None and not made.tasks.busy, timeout=30_000)
    yield made
    made.close()


@pytest.fixture
def jobs(qtbot: QtBot, tmp_path: Path) -> Iterator[Jobs]:
    made = Jobs(tmp_path / "logs")
    yield made
    made.stop_all()
    qtbot.waitUntil(lambda: not made.busy, timeout=30_000)


@pytest.fixture
def dialog(qtbot: QtBot, context: Context, jobs: Jobs) -> ExportDialog:
    return shown(qtbot, context, jobs)


def shown(qtbot: QtBot, context: Context, jobs: Jobs) -> ExportDialog:
    made = ExportDialog(context, jobs)
    made.show()
    qtbot.waitUntil(lambda: bool(made.file.text()))
    return made


def choose(qtbot: QtBot, dialog: ExportDialog, kind: str, out: Path) -> None:
    """Choose what is written, and where."""
    kinds = [dialog.what.itemData(at).kind for at in range(dialog.what.count())]
    dialog.what.setCurrentIndex(kinds.index(kind))
    qtbot.waitUntil(lambda: not dialog.context.tasks.busy)
    dialog.file.setText(str(out))
    dialog.file.textEdited.emit(str(out))


def test_the_page_in_front_is_offered_first_with_a_free_name_beside_the_atlas(
    dialog: ExportDialog, atlas_path: Path
) -> None:
    assert dialog.what.currentText() == "Page of the feature"
    assert Path(dialog.file.text()) == atlas_path.with_name("atlas-feature-3.pdf")
    assert dialog.command.text.toPlainText() == shlex.join(
        [
            *("mmfeat", "export", "feature", str(atlas_path)),
            *("--out", dialog.file.text(), "--feature", "3"),
        ]
    )
    dialog.command.copy()
    assert QGuiApplication.clipboard().text() == dialog.command.text.toPlainText()


def test_options_show_in_the_command(qtbot: QtBot, dialog: ExportDialog, tmp_path: Path) -> None:
    choose(qtbot, dialog, "map", tmp_path / "map.pdf")
    dialog.venue.setCurrentText("nature-2")
    dialog.dpi.setCurrentText("600")
    words = shlex.split(dialog.command.text.toPlainText())
    assert words[4:] == [
        *("--out", str(tmp_path / "map.pdf"), "--colour", "n_languages"),
        *("--callout", "3", "--callout", "5", "--width", "nature-2", "--dpi", "600"),
    ]
    dialog.format.setCurrentText("svg")
    assert dialog.file.text() == str(tmp_path / "map.svg")
    choose(qtbot, dialog, "table", tmp_path / "rows.parquet")
    assert dialog.format.currentText() == "parquet"
    assert not dialog.form.isRowVisible(dialog.venue)
    assert not dialog.preview_button.isVisible()


def test_what_cannot_be_written_is_refused_before_anything_is_begun(
    qtbot: QtBot, dialog: ExportDialog, jobs: Jobs, tmp_path: Path
) -> None:
    for name, width, sentence in (
        ("", "1", "Give the name of the file to write."),
        (str(tmp_path / "map.docx"), "1", "map.docx has an ending that cannot be written"),
        (str(tmp_path / "map.pdf"), "wide", "'wide' is no width"),
    ):
        dialog.file.setText(name)
        dialog.venue.setCurrentText(width)
        dialog.write()
        assert dialog.sentence.text().startswith(sentence)
    assert jobs.states == {}


def test_a_figure_is_written_by_the_command_that_is_shown(
    qtbot: QtBot, dialog: ExportDialog, jobs: Jobs, tmp_path: Path
) -> None:
    out = tmp_path / "the map.png"
    choose(qtbot, dialog, "map", out)
    dialog.dpi.setCurrentText("100")
    text = dialog.command.text.toPlainText()
    dialog.write()
    assert not dialog.write_button.isEnabled()
    qtbot.waitUntil(dialog.folder_button.isVisible, timeout=LONG)
    (state,) = jobs.states.values()
    assert state.order.text == text
    assert dialog.sentence.text().startswith(f"Written: {out}\n")
    manifest = json.loads(Path(f"{out}.manifest.json").read_text())
    assert str(out) + ".manifest.json" in dialog.sentence.text()
    assert manifest["settings"]["callout"] == [3, 5]
    assert QImage(str(out)).width() == pytest.approx(330, abs=2)  # 3.3 in
    assert dialog.write_button.isEnabled()


def test_a_figure_is_looked_at_before_it_is_written(
    qtbot: QtBot, dialog: ExportDialog, jobs: Jobs, tmp_path: Path, atlas_path: Path
) -> None:
    files = sorted(atlas_path.parent.iterdir())
    choose(qtbot, dialog, "histograms", tmp_path / "h.pdf")
    dialog.look()
    qtbot.waitUntil(lambda: not dialog.picture.pixmap().isNull(), timeout=LONG)
    assert dialog.preview_button.isEnabled()
    assert jobs.states == {}  # in no list
    assert sorted(atlas_path.parent.iterdir()) == files
    assert not (tmp_path / "h.pdf").exists()


def test_an_export_that_fails_says_why(qtbot: QtBot, dialog: ExportDialog, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    choose(qtbot, dialog, "histograms", tmp_path / "file" / "h.pdf")
    dialog.write()
    qtbot.waitUntil(dialog.write_button.isEnabled, timeout=LONG)
    assert str(tmp_path / "file") in dialog.sentence.text()
    assert not dialog.folder_button.isVisible()


def test_a_closed_dialog_goes_on_writing_and_the_window_says_where_it_is(
    qtbot: QtBot, context: Context, jobs: Jobs, tmp_path: Path
) -> None:
    out = tmp_path / "rows.csv"
    dialog = shown(qtbot, context, jobs)
    choose(qtbot, dialog, "table", out)
    said: list[str] = []
    context.said.connect(said.append)
    gone: list[bool] = []
    dialog.destroyed.connect(lambda: gone.append(True))
    dialog.write()
    dialog.close()
    qtbot.waitUntil(lambda: bool(gone), timeout=LONG)
    assert said == [f"Written: {out}\nHow it was made, and is made again: {out}.manifest.json"]
    assert out.stat().st_size > 0


def test_every_widget_that_takes_the_keyboard_has_a_name(dialog: ExportDialog) -> None:
    named: Callable[[QWidget], bool] = lambda widget: bool(  # noqa: E731
        widget.accessibleName() or getattr(widget, "text", str)()
    )
    for widget in (dialog.what, dialog.format, dialog.venue, dialog.dpi, dialog.file):
        assert named(widget)
    assert all(text.accessibleName() for text in dialog.findChildren(QPlainTextEdit))


def test_the_action_is_in_the_file_menu() -> None:
    (action,) = ACTIONS
    assert (action.key, action.menu, action.shortcuts) == ("export", "file", ("Ctrl+E",))


def test_the_action_shows_the_dialog_over_the_window(qtbot: QtBot, opened: MainWindow) -> None:
    opened.actions_by_key["export"].trigger()
    (dialog,) = opened.findChildren(ExportDialog)
    assert dialog.isVisible()
    kinds = {offer.kind for offer in dialog.offers}
    assert {"map", "feature", "grid", "languages", "histograms", "table", "report"} <= kinds
    dialog.close()
    qtbot.waitUntil(lambda: not opened.findChildren(ExportDialog))
