"""The card beside the cursor on the map of items: an item's picture and one of its captions."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QWidget

from mmfeat.corpus.languages import is_rtl
from mmfeat_gui.views import theme
from mmfeat_gui.views.fonts import font_for
from mmfeat_gui.views.hover_card import HoverCard
from mmfeat_gui.workers.samples import SampleFacts

_LEFT = Qt.AlignmentFlag.AlignLeft


class SampleCard(HoverCard):
    """Shows at once what is known of an item; its picture and caption follow when they are read."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._value, self._at = "", QPoint()

    def show_item(self, item: int, value: str, at: QPoint) -> None:
        """Show an item beside a point of the parent, with what its colour stands for."""
        if item != self.feature:
            self.feature, self._value = item, value
            self._picture.clear()
            self._title.setText(f"#{item}")
            self._title.setFont(theme.sized(self.font(), 1.05, bold=True))
            self._title.setAlignment(_LEFT | Qt.AlignmentFlag.AlignTop)
            self._facts.setText(value)
            self.adjustSize()
        self._at = at
        self._place(at)
        self.show()
        self.raise_()

    def show_facts(self, facts: SampleFacts) -> None:
        """Show the picture and the caption of an item, if the card still shows that one."""
        if facts.item != self.feature:
            return
        image = None if facts.picture is None else theme.to_image(facts.picture)
        self.show_picture(facts.item, image)
        if facts.caption:
            self._title.setFont(font_for(facts.language, theme.sized(self.font(), 1.05, bold=True)))
            side = Qt.AlignmentFlag.AlignRight if is_rtl(facts.language) else _LEFT
            self._title.setAlignment(side | Qt.AlignmentFlag.AlignTop)
        self._title.setText(facts.caption or facts.item_id)
        self._facts.setText("\n".join(part for part in (facts.item_id, self._value) if part))
        self.adjustSize()
        self._place(self._at)

    @property
    def text(self) -> str:
        """All that is written on the card."""
        return f"{self._title.text()}\n{self._facts.text()}"
