"""The dialog that writes what is on the screen to a file, as the command line would."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from PySide6.QtCore import QSize, Qt, QUrl, Slot
from PySide6.QtGui import QDesktopServices, QImage, QPixmap, QResizeEvent
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from mmfeat.errors import MmfeatError
from mmfeat.figures.widths import inches
from mmfeat_gui.resources.strings import tr
from mmfeat_gui.state import export
from mmfeat_gui.state.export import Offer
from mmfeat_gui.state.jobs import JobState
from mmfeat_gui.views import theme
from mmfeat_gui.views.command_box import CommandBox
from mmfeat_gui.views.context import Context
from mmfeat_gui.workers.jobs import Jobs

_PREVIEW = QSize(420, 320)


class Picture(QLabel):
    """A picture as large as there is room, never larger than it is."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._whole = QPixmap()
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setMinimumSize(_PREVIEW)
        self.setWordWrap(True)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setAccessibleName(tr("export.preview"))

    def show_image(self, image: QImage) -> None:
        """Show a picture."""
        self._whole = QPixmap.fromImage(image)
        self._fit()

    def say(self, sentence: str) -> None:
        """Show a sentence in place of a picture."""
        self._whole = QPixmap()
        self.setText(sentence)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the picture in again."""
        super().resizeEvent(event)
        if not self._whole.isNull():
            self._fit()

    def _fit(self) -> None:
        ratio = self.devicePixelRatio()
        room = (self.contentsRect().size() * ratio).boundedTo(self._whole.size())
        smooth = Qt.TransformationMode.SmoothTransformation
        scaled = self._whole.scaled(room, Qt.AspectRatioMode.KeepAspectRatio, smooth)
        scaled.setDevicePixelRatio(ratio)
        self.setPixmap(scaled)


class ExportDialog(QDialog):
    """Offers the files that fit the view, and has one written as a job.

    Parameters
    ----------
    context : Context
        An atlas is open.
    jobs : Jobs
    parent : QWidget or None
    """

    def __init__(self, context: Context, jobs: Jobs, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        assert context.summary is not None
        self.context, self.jobs = context, jobs
        self._atlas = context.summary.path.absolute()
        summary = context.summary
        self.offers = export.offers(context.store.state, summary.table, summary.xy)
        self._job = self._preview_job = 0
        self._preview_folder: Path | None = None
        self._named = False  # the user has named the file
        self._build()
        jobs.changed.connect(self._follow)
        self._choose()

    def _build(self) -> None:
        self.setWindowTitle(tr("export.title"))
        self.what = QComboBox(self)
        for offer in self.offers:
            self.what.addItem(tr(f"export.{offer.kind}"), offer)
        self.what.currentIndexChanged.connect(self._choose)
        self.format = QComboBox(self)
        self.format.currentIndexChanged.connect(self._choose_format)
        self.venue = QComboBox(self)
        self.venue.setEditable(True)
        self.venue.addItems(list(export.WIDTHS))
        self.venue.setToolTip(tr("export.width_tip"))
        self.dpi = QComboBox(self)
        for dpi in export.DPI:
            self.dpi.addItem(str(dpi), dpi)
        self.dpi.setCurrentText("300")
        self.file = QLineEdit(self)
        self.file.textEdited.connect(self._name)
        browse = QPushButton(tr("export.browse"), self)
        browse.setAutoDefault(False)
        browse.clicked.connect(self._browse)
        named = QHBoxLayout()
        named.addWidget(self.file, 1)
        named.addWidget(browse)
        self.form = QFormLayout()
        lines: tuple[tuple[str, QWidget, QWidget | QHBoxLayout], ...] = (
            ("what", self.what, self.what),
            ("format", self.format, self.format),
            ("width", self.venue, self.venue),
            ("dpi", self.dpi, self.dpi),
            ("file", self.file, named),
        )
        for key, widget, shown in lines:
            widget.setAccessibleName(tr(f"export.{key}"))
            self.form.addRow(tr(f"export.{key}"), shown)
        for box in (self.venue, self.dpi):
            box.currentTextChanged.connect(self._show_command)
        self.lacking = theme.Muted(parent=self)
        self.command = CommandBox(self)
        self.sentence = QLabel(self)
        self.sentence.setTextFormat(Qt.TextFormat.PlainText)
        self.sentence.setWordWrap(True)
        self.sentence.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.progress = QProgressBar(self)
        self.progress.setRange(0, 0)
        self.progress.setAccessibleName(tr("export.progress"))
        self.progress.hide()
        self.picture = Picture(self)
        self.picture.say(tr("export.no_preview"))
        self._add_buttons()
        left = QVBoxLayout()
        left.addLayout(self.form)
        left.addWidget(self.lacking)
        left.addWidget(self.command)
        left.addWidget(self.progress)
        left.addWidget(self.sentence)
        left.addStretch(1)
        left.addWidget(self.buttons)
        row = QHBoxLayout(self)
        row.addLayout(left, 3)
        row.addWidget(self.picture, 2)
        self.resize(1000, 460)

    def _add_buttons(self) -> None:
        roles = QDialogButtonBox.ButtonRole
        self.buttons = QDialogButtonBox(self)
        self.write_button = self.buttons.addButton(tr("export.write"), roles.AcceptRole)
        self.preview_button = self.buttons.addButton(tr("export.look"), roles.ActionRole)
        self.stop_button = self.buttons.addButton(tr("export.stop"), roles.ActionRole)
        self.folder_button = self.buttons.addButton(tr("export.folder"), roles.ActionRole)
        close = self.buttons.addButton(tr("export.close"), roles.RejectRole)
        self.write_button.clicked.connect(self.write)
        self.preview_button.clicked.connect(self.look)
        self.stop_button.clicked.connect(lambda: self.jobs.stop(self._job))
        self.folder_button.clicked.connect(self._open_folder)
        close.clicked.connect(self.close)
        self.stop_button.hide()
        self.folder_button.hide()

    # What is chosen -----------------------------------------------------------------

    @property
    def offer(self) -> Offer:
        """What is chosen, in its size."""
        found: Offer = self.what.currentData()
        return found.with_size(self.venue.currentText().strip(), self.dpi.currentData())

    @property
    def out(self) -> Path | None:
        """The file that is named; None without one."""
        text = self.file.text().strip()
        return self._atlas.parent / Path(text).expanduser() if text else None

    def _choose(self) -> None:
        offer: Offer = self.what.currentData()
        for box in (self.venue, self.dpi):
            self.form.setRowVisible(box, offer.is_figure)
        self.preview_button.setVisible(offer.is_figure)
        self.picture.say(tr("export.no_preview") if offer.is_figure else "")
        self.lacking.setText(" ".join(tr(key) for key in offer.lacking))
        self.lacking.setVisible(bool(offer.lacking))
        self.format.blockSignals(True)
        self.format.clear()
        self.format.addItems(list(offer.extensions))
        self.format.blockSignals(False)
        self._named = False
        self._suggest()

    def _choose_format(self) -> None:
        if self._named and self.out is not None:
            self.file.setText(str(self.out.with_suffix(f".{self.format.currentText()}")))
            self._show_command()
        else:
            self._suggest()

    def _suggest(self) -> None:
        """Propose a name that nothing has yet."""
        offer, extension, atlas = self.offer, self.format.currentText(), self._atlas
        at = self.what.currentIndex()

        def take(path: Path) -> None:
            if not self._named and self.what.currentIndex() == at:
                self.file.setText(str(path))
                self._show_command()

        self.context.tasks.run(lambda: export.free_name(atlas, offer, extension), take)

    def _name(self) -> None:
        self._named = True
        extension = Path(self.file.text().strip()).suffix.lower().removeprefix(".")
        at = self.format.findText(extension)
        if at >= 0:
            self.format.blockSignals(True)
            self.format.setCurrentIndex(at)
            self.format.blockSignals(False)
        self._show_command()

    def _browse(self) -> None:
        kinds = ";;".join(f"{name.upper()} (*.{name})" for name in self.offer.extensions)
        dialog = QFileDialog(self, tr("export.file"), str(self.out or self._atlas), kinds)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix(self.format.currentText())
        dialog.fileSelected.connect(self._take_file)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _take_file(self, name: str) -> None:
        self.file.setText(name)
        self._name()

    def _show_command(self) -> None:
        out = self.out
        self.command.show_command(
            "" if out is None else export.order(self.offer, self._atlas, out).text
        )

    def _refusal(self) -> str:
        """Return what is wrong with what is chosen; empty where nothing is."""
        if self.out is None:
            return tr("export.no_name")
        if self.out.suffix.lower().removeprefix(".") not in self.offer.extensions:
            formats = ", ".join(f".{name}" for name in self.offer.extensions)
            return tr("export.no_format", file=self.out.name, formats=formats)
        if self.offer.is_figure:
            try:
                inches(self.venue.currentText().strip())
            except MmfeatError as error:
                return str(error)
        return ""

    # Work ---------------------------------------------------------------------------

    def write(self) -> None:
        """Have the file written."""
        refusal, out = self._refusal(), self.out
        if refusal or out is None:
            self.sentence.setText(refusal)
            return
        offer, atlas = self.offer, self._atlas
        self._show_going(True)
        self.sentence.setText(tr("export.writing", file=out.name))

        def begin(_: None) -> None:
            self._job = self.jobs.start(export.order(offer, atlas, out))

        def fail(sentence: str) -> None:
            self._show_going(False)
            self.sentence.setText(sentence)

        self.context.tasks.run(lambda: export.write_recipe(offer, atlas, out), begin, fail)

    def look(self) -> None:
        """Have the figure drawn small."""
        if self._preview_job:
            return
        self.preview_button.setEnabled(False)
        self.picture.say(tr("export.drawing"))
        offer, atlas = self.offer, self._atlas

        def prepare() -> Path:
            folder = Path(tempfile.mkdtemp(prefix="mmfeat-preview-"))
            export.write_recipe(offer, atlas, folder / "preview.png")
            return folder

        def begin(folder: Path) -> None:
            self._preview_folder = folder
            order = export.preview(offer, atlas, folder / "preview.png")
            self._preview_job = self.jobs.start(order)

        self.context.tasks.run(prepare, begin)

    def _show_going(self, going: bool) -> None:
        self.progress.setVisible(going)
        self.stop_button.setVisible(going)
        self.write_button.setEnabled(not going)
        self.folder_button.hide()

    @Slot(object)
    def _follow(self, state: JobState) -> None:
        if state.runs:
            return
        if state.number == self._job:
            self._job = 0
            self._show_going(False)
            done = state.status == "done"
            self.folder_button.setVisible(done)
            self.sentence.setText(export.written(state.result) if done else state.sentence)
            if not self.isVisible():
                self.context.say(self.sentence.text())
                self._leave()
        elif state.number == self._preview_job:
            self._preview_job = 0
            self.preview_button.setEnabled(True)
            self._show_preview(state)

    def _show_preview(self, state: JobState) -> None:
        folder, self._preview_folder = self._preview_folder, None
        if folder is None:
            return

        def read() -> QImage:
            image = QImage(str(folder / "preview.png"))
            shutil.rmtree(folder, ignore_errors=True)
            return image

        def take(image: QImage) -> None:
            if image.isNull():
                self.picture.say(state.sentence)
            else:
                self.picture.show_image(image)
            self._leave()

        self.context.tasks.run(read, take)

    def _open_folder(self) -> None:
        if self.out is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.out.parent)))

    def done(self, result: int) -> None:
        """Close; what is being written goes on, and the window says when it is there."""
        if self._preview_job:
            self.jobs.stop(self._preview_job)
        super().done(result)
        self._leave()

    def _leave(self) -> None:
        """Go, if closed, once nobody has anything to tell any more."""
        # Tasks end in order: whatever was asked for before has been answered then.
        self.context.tasks.run(lambda: None, lambda _: self._go())

    def _go(self) -> None:
        if not (self.isVisible() or self._job or self._preview_job):
            self.deleteLater()
