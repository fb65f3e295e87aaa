"""Where a picture or a text is given: typed, chosen, dropped, pasted, or the item shown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QMimeData, Qt, QTimer, Signal
from PySide6.QtGui import (
    QDragEnterEvent,
    QDropEvent,
    QGuiApplication,
    QKeySequence,
    QPainter,
    QPaintEvent,
    QShortcut,
)
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from mmfeat.atlas.probe import LONGEST
from mmfeat.corpus.languages import guess_language, is_rtl, language_name
from mmfeat.errors import MmfeatError
from mmfeat_gui.resources.strings import tr
from mmfeat_gui.state.sources import ItemSource, PictureSource, Source, TextSource, label
from mmfeat_gui.views import theme
from mmfeat_gui.views.captions import alignment
from mmfeat_gui.views.fonts import font_for
from mmfeat_gui.views.probe_mime import is_picture, may_be_source, source_of
from mmfeat_gui.views.probe_shown import ProbeView, ShownProbe

_REST = 350  # ms without a key after which a text is probed


class _Editor(QPlainTextEdit):
    """Takes text; a picture that is pasted or dropped goes elsewhere.

    Signals
    -------
    picture_given(mime)
    """

    picture_given = Signal(object)

    def canInsertFromMimeData(self, source: QMimeData) -> bool:
        """Return whether it can be taken."""
        return is_picture(source) or super().canInsertFromMimeData(source)

    def insertFromMimeData(self, source: QMimeData) -> None:
        """Take text, cut to what can be probed at all; hand on a picture."""
        if is_picture(source):
            self.picture_given.emit(source)
        else:
            self.insertPlainText(source.text()[: LONGEST + 1])


class SourceInput(QFrame):
    """One picture, text or item, and what a feature does on it.

    Parameters
    ----------
    title : str
        What it is called, such as ``A``.
    tall : int
        Pixels that a picture may be high.
    parent : QWidget or None

    Signals
    -------
    changed(Source or None)
        Another one was given.
    item_wanted()
        The item whose page is shown is to be taken.
    refused(sentence)
        What was dropped or pasted cannot be taken.
    """

    changed = Signal(object)
    item_wanted = Signal()
    refused = Signal(str)

    def __init__(self, title: str, tall: int = 220, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.source: Source | None = None
        self._languages: Sequence[str] = ()
        self.setAcceptDrops(True)
        self.title = theme.heading(title)
        self.editor = _Editor()
        self.editor.setPlaceholderText(tr("probe.placeholder"))
        self.editor.setAccessibleName(tr("probe.text_of", side=title))
        self.editor.setTabChangesFocus(True)
        self.editor.setFixedHeight(64)
        self.editor.textChanged.connect(self._wait)
        self.editor.picture_given.connect(self.take_mime)
        self.name = QLabel()
        self.name.setTextFormat(Qt.TextFormat.PlainText)
        self.name.setWordWrap(True)
        self.language = QComboBox()
        self.language.setAccessibleName(tr("probe.language_of", side=title))
        self.language.activated.connect(self._take_text)
        self.note = theme.Muted()
        self.looked = theme.Muted()
        self.looked.hide()
        self.view = ProbeView(tall)
        self.view.hide()
        self.open = self._button("probe.open", self.choose_picture)
        self.paste = self._button("probe.paste", self.take_clipboard)
        self.item = self._button("probe.item", self.item_wanted.emit)
        self.clear = self._button("probe.clear", lambda: self.set_source(None))
        self.extra = QHBoxLayout()
        head = QHBoxLayout()
        head.addWidget(self.title)
        head.addStretch(1)
        for button in (self.open, self.paste, self.item, self.clear):
            head.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 10)
        column.addLayout(head)
        for widget in (self.editor, self.name, self.language, self.note, self.view, self.looked):
            column.addWidget(widget)
        column.addLayout(self.extra)
        column.addStretch(1)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_REST)
        self._timer.timeout.connect(self._take_text)
        shortcut = QShortcut(QKeySequence("Ctrl+Shift+V"), self, self.take_clipboard)
        shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        self._arrange()

    def _button(self, key: str, run: object) -> QToolButton:
        button = QToolButton()
        button.setText(tr(key))
        button.setToolTip(tr(f"{key}_tip"))
        button.setAccessibleName(tr(f"{key}_tip"))
        button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        button.clicked.connect(run)
        return button

    # What is given ------------------------------------------------------------------

    def set_languages(self, languages: Sequence[str]) -> None:
        """Offer the languages of an atlas for texts."""
        self._languages = languages
        self.language.clear()
        self.language.addItem(tr("probe.guess"), None)
        for tag in languages:
            self.language.addItem(f"{language_name(tag)} ({tag})", tag)

    def set_source(self, source: Source | None) -> None:
        """Take a picture, text or item; None takes what is there away."""
        self._timer.stop()
        self.editor.blockSignals(True)
        text = source.text if isinstance(source, TextSource) else ""
        if text != self.editor.toPlainText():
            self.editor.setPlainText(text)
        self.editor.blockSignals(False)
        place = -1
        if isinstance(source, TextSource) and source.language is not None:
            place = self.language.findData(source.language)
        self.language.setCurrentIndex(max(place, 0))
        self._put(source)

    def take_mime(self, mime: QMimeData | None) -> None:
        """Take what was dropped or pasted, or say why not."""
        try:
            source = source_of(mime)
        except MmfeatError as error:
            self.refused.emit(str(error))
            return
        if source is None:
            self.refused.emit(tr("probe.nothing"))
        else:
            self.set_source(source)

    def take_clipboard(self) -> None:
        """Take what is in the clipboard."""
        self.take_mime(QGuiApplication.clipboard().mimeData())

    def choose_picture(self) -> None:
        """Ask for the file of a picture."""
        kinds = f"{tr('probe.pictures')} (*.png *.jpg *.jpeg *.gif *.webp *.bmp *.tif *.tiff)"
        name, _ = QFileDialog.getOpenFileName(self, tr("probe.open_tip"), "", kinds)
        if name:
            self.set_source(PictureSource(Path(name).name, Path(name)))

    def _wait(self) -> None:
        self._follow_language()
        self._timer.start()

    def _take_text(self) -> None:
        text = self.editor.toPlainText().strip()
        self._timer.stop()
        self._put(TextSource(text, self.language.currentData()) if text else None)

    def _put(self, source: Source | None) -> None:
        same = source == self.source
        self.source = source
        self._arrange()
        if not same:
            self.show_probe(None, None, "")
            self.changed.emit(source)

    def _arrange(self) -> None:
        """Show the editor, or what was given in its place."""
        other = isinstance(self.source, PictureSource | ItemSource)
        self.editor.setVisible(not other)
        self.name.setVisible(other)
        self.name.setText(label(self.source) if self.source is not None and other else "")
        self.language.setVisible(isinstance(self.source, TextSource))
        self.note.setVisible(self.note.isVisible() and self.source is not None)
        self.clear.setEnabled(self.source is not None)
        self._follow_language()

    def _follow_language(self) -> None:
        """Write a text in its own direction and letter forms, and show the guess."""
        text, chosen = self.editor.toPlainText(), self.language.currentData()
        if not self._languages:
            return
        guess = guess_language(text[:LONGEST], self._languages)
        name = language_name(guess)
        self.language.setItemText(0, tr("probe.guessed", name=name, tag=guess))
        tag = chosen or guess
        option = self.editor.document().defaultTextOption()
        if option.alignment() != alignment(tag):
            side = Qt.LayoutDirection
            option.setTextDirection(side.RightToLeft if is_rtl(tag) else side.LeftToRight)
            option.setAlignment(alignment(tag))
            self.editor.document().setDefaultTextOption(option)
        self.editor.setFont(font_for(tag, self.font()))

    # What came of it ----------------------------------------------------------------

    def show_probe(self, shown: ShownProbe | None, feature: int | None, title: str) -> None:
        """Show what a feature of that title does on it."""
        self.view.show_probe(shown, feature)
        if shown is not None and feature is not None:
            activation = shown.activation(feature)
            self.looked.setText(tr("probe.looked", title=title, activation=activation))
        self.looked.setVisible(shown is not None and feature is not None)
        cut = 0
        if shown is not None and shown.probed.fires.spans:
            read = max(end for _, end in shown.probed.fires.spans)
            cut = len(shown.text.rstrip()) - read
        self.note.setText(tr("probe.cut", count=cut))
        self.note.setVisible(cut > 0)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take pictures and texts; leave atlases to the window."""
        if may_be_source(event.mimeData()):
            event.acceptProposedAction()
        else:
            event.ignore()

    def dropEvent(self, event: QDropEvent) -> None:
        """Take what was dropped."""
        self.take_mime(event.mimeData())
        event.acceptProposedAction()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the card."""
        painter = QPainter(self)
        theme.draw_card(painter, self.rect().toRectF(), self.palette(), hovered=False)
        painter.end()
