"""What is changed and how: features, the kind of change, its amount, and the languages shown."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QLineEdit,
    QMenu,
    QSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from mmfeat.corpus.languages import language_name
from mmfeat_gui.resources.strings import tr
from mmfeat_gui.state.steering import KINDS, MOST, Kind
from mmfeat_gui.views import theme
from mmfeat_gui.views.probe_chips import Chips

_STEPS = 10  # of the slider to one multiple
_LARGEST = {"clamp": 100.0, "add": 100_000.0}


class FeatureChoice(QWidget):
    """The features that are changed.

    Signals
    -------
    changed()
    shown_wanted(), brushed_wanted()
        The feature whose page is shown, or the brushed ones, are to be taken.
    typed(features)
        Numbers were typed: a list of int.
    """

    changed = Signal()
    shown_wanted = Signal()
    brushed_wanted = Signal()
    typed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.features: tuple[int, ...] = ()
        self._title: Callable[[int], str] = str
        self.chips = Chips()
        self.chips.setAccessibleName(tr("steer.features"))
        self.chips.removed.connect(self._remove)
        self.numbers = QLineEdit()
        self.numbers.setPlaceholderText(tr("steer.numbers"))
        self.numbers.setAccessibleName(tr("steer.numbers"))
        self.numbers.returnPressed.connect(self._type)
        self.shown, self.brushed, self.none = QToolButton(), QToolButton(), QToolButton()
        row = QHBoxLayout()
        row.addWidget(theme.heading(tr("steer.features")))
        for button, key, signal in (
            (self.shown, "steer.add_shown", self.shown_wanted),
            (self.brushed, "steer.add_brushed", self.brushed_wanted),
        ):
            button.clicked.connect(signal)
            self._name(button, key)
            row.addWidget(button)
        row.addWidget(self.numbers, 1)
        self.none.clicked.connect(lambda: self.choose(()))
        self._name(self.none, "steer.clear")
        row.addWidget(self.none)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(row)
        column.addWidget(self.chips)

    def _name(self, button: QToolButton, key: str) -> None:
        button.setText(tr(key))
        button.setToolTip(tr(f"{key}_tip"))
        button.setAccessibleName(tr(f"{key}_tip"))

    def name_by(self, title: Callable[[int], str]) -> None:
        """Call features by what `title` says."""
        self._title = title

    def choose(self, features: Sequence[int]) -> None:
        """Take these features, each once, in place of those before."""
        chosen = tuple(dict.fromkeys(features))
        if chosen != self.features:
            self.features = chosen
            self.show_names()
            self.changed.emit()

    def show_names(self) -> None:
        """Write the names of the features, as far as they are known."""
        self.chips.show_chips([f"{one}  {self._title(one)}" for one in self.features])

    def _remove(self, index: int) -> None:
        self.choose([one for place, one in enumerate(self.features) if place != index])

    def _type(self) -> None:
        found = [int(one) for one in re.findall(r"\d{1,9}", self.numbers.text())]
        if found:
            self.numbers.clear()
            self.typed.emit(found)


class AmountChoice(QWidget):
    """The kind of change and its amount: a slider, and a box for what lies beyond.

    Signals
    -------
    changed()
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.kinds = QComboBox()
        self.kinds.setAccessibleName(tr("steer.kind"))
        for kind in KINDS:
            self.kinds.addItem(tr(f"steer.{kind}"), kind)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(int(-MOST * _STEPS), int(MOST * _STEPS))
        self.slider.setTickInterval(_STEPS * 5)
        self.slider.setTickPosition(QSlider.TickPosition.TicksBelow)
        self.slider.setSingleStep(_STEPS // 2)
        self.slider.setPageStep(_STEPS)
        self.slider.setAccessibleName(tr("steer.amount"))
        self.box = QDoubleSpinBox()
        self.box.setDecimals(1)
        self.box.setSingleStep(0.5)
        self.box.setAccessibleName(tr("steer.amount"))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.kinds)
        row.addWidget(self.slider, 1)
        row.addWidget(self.box)
        for widget in (self.kinds, self.slider, self.box):
            widget.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            widget.installEventFilter(self)
        self._arrange()
        self.box.setValue(5.0)
        self.slider.setValue(5 * _STEPS)
        self.kinds.currentIndexChanged.connect(self._take_kind)
        self.slider.valueChanged.connect(lambda value: self.box.setValue(value / _STEPS))
        self.box.valueChanged.connect(self._take_amount)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Let the wheel scroll the panel, not change what the cursor happens to be over."""
        turned = event.type() == QEvent.Type.Wheel
        if turned and isinstance(watched, QWidget) and not watched.hasFocus():
            event.ignore()
            return True
        return super().eventFilter(watched, event)

    @property
    def kind(self) -> Kind:
        """What is done."""
        kind: Kind = self.kinds.currentData()
        return kind

    @property
    def amount(self) -> float:
        """How much, as the kind takes it."""
        return self.box.value()

    def _take_kind(self) -> None:
        self._arrange()
        self.changed.emit()

    def _take_amount(self, value: float) -> None:
        self.slider.blockSignals(True)
        self.slider.setValue(round(value * _STEPS))
        self.slider.blockSignals(False)
        self.changed.emit()

    def _arrange(self) -> None:
        kind = self.kind
        most = _LARGEST.get(kind, 0.0)
        self.slider.setEnabled(kind != "ablate")
        self.box.setEnabled(kind != "ablate")
        if most:
            self.box.setRange(-most, most)
            self.box.setSuffix(tr("steer.times") if kind == "clamp" else "")
        self.slider.setToolTip(tr(f"steer.{kind}_tip"))
        self.kinds.setToolTip(tr(f"steer.{kind}_tip"))


class LanguageChoice(QToolButton):
    """The languages whose captions are retrieved from; none of them means all.

    Signals
    -------
    changed()
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setMenu(QMenu(self))
        self.setToolTip(tr("steer.languages_tip"))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def offer(self, languages: Sequence[str], chosen: Sequence[str]) -> None:
        """Offer languages, of which some are chosen."""
        menu = self.menu()
        menu.clear()
        for tag in languages:
            action = menu.addAction(f"{language_name(tag)} ({tag})")
            action.setData(tag)
            action.setCheckable(True)
            action.setChecked(tag in chosen)
            action.toggled.connect(self._take)
        self._name()

    @property
    def languages(self) -> tuple[str, ...]:
        """Those that are chosen."""
        return tuple(str(one.data()) for one in self.menu().actions() if one.isChecked())

    def _take(self) -> None:
        self._name()
        self.changed.emit()

    def _name(self) -> None:
        own = self.languages
        text = tr("steer.languages", languages=", ".join(own)) if own else tr("steer.all_languages")
        self.setText(text)
        self.setAccessibleName(text)
