"""The card beside the cursor on the map: a feature's name, top picture and languages."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage, QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from mmfeat.corpus.languages import is_rtl
from mmfeat_gui.resources.strings import tr
from mmfeat_gui.views import theme
from mmfeat_gui.views.fonts import font_for

_SIDE, _TEXT_WIDTH, _DISTANCE = 72, 190, 16


class HoverCard(QFrame):
    """Shown over the map; the cursor passes through it."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._over = parent
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._picture = QLabel(self)
        self._picture.setFixedSize(_SIDE, _SIDE)
        self._picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._title = QLabel(self)
        self._facts = theme.Muted(parent=self)
        for label in (self._title, self._facts):
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setWordWrap(True)
            label.setFixedWidth(_TEXT_WIDTH)
        texts = QVBoxLayout()
        texts.setSpacing(2)
        texts.addWidget(self._title)
        texts.addWidget(self._facts)
        texts.addStretch(1)
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 10, 10, 10)
        row.setSpacing(10)
        row.addWidget(self._picture, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(texts)
        self.feature = -1
        self.hide()

    def show_feature(
        self, feature: int, title: tuple[str, str], facts: Sequence[str], at: QPoint
    ) -> None:
        """Show a feature beside a point of the parent; its picture follows when it is read.

        Parameters
        ----------
        feature : int
        title : tuple of str
            Its name, and the language of that; empty where it is in none.
        facts : sequence of str
            A line each.
        at : QPoint
        """
        if feature != self.feature:
            self.feature = feature
            self._picture.clear()
            name, language = title
            own = theme.sized(self.font(), 1.05, bold=True)
            self._title.setFont(font_for(language, own) if language else own)
            rtl = bool(language) and is_rtl(language)
            side = Qt.AlignmentFlag.AlignRight if rtl else Qt.AlignmentFlag.AlignLeft
            self._title.setAlignment(side | Qt.AlignmentFlag.AlignTop)
            self._title.setText(name)
            self._facts.setText("\n".join(facts))
            self.adjustSize()
        self._place(at)
        self.show()
        self.raise_()

    def show_picture(self, feature: int, image: QImage | None) -> None:
        """Show the picture of a feature, if the card still shows that one."""
        if feature != self.feature:
            return
        if image is None:
            self._picture.setText(tr("card.no_picture"))
            self._picture.setWordWrap(True)
            return
        mode = Qt.TransformationMode.SmoothTransformation
        keep = Qt.AspectRatioMode.KeepAspectRatio
        self._picture.setPixmap(QPixmap.fromImage(image).scaled(_SIDE, _SIDE, keep, mode))

    @property
    def picture_shown(self) -> bool:
        """Whether a picture is drawn on the card."""
        return not self._picture.pixmap().isNull()

    def dismiss(self) -> None:
        """Hide the card."""
        self.feature = -1
        self.hide()

    def _place(self, at: QPoint) -> None:
        """Stand beside the cursor, within the parent."""
        room = self._over.rect()
        x, y = at.x() + _DISTANCE, at.y() + _DISTANCE
        if x + self.width() > room.width():
            x = at.x() - _DISTANCE - self.width()
        if y + self.height() > room.height():
            y = at.y() - _DISTANCE - self.height()
        self.move(max(0, x), max(0, y))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the card."""
        painter = QPainter(self)
        theme.draw_card(painter, self.rect().toRectF(), self.palette(), hovered=False)
        painter.end()
