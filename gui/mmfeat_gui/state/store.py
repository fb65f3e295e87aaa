"""The state of one window, who is told when it changes, and the way back from each change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import psygnal

from mmfeat_gui.state.view import ViewState

_MOST = 500  # steps that can be undone


@dataclass(frozen=True)
class _Edit:
    """Something done outside the view, with the way back."""

    label: str
    redo: Callable[[], None]
    undo: Callable[[], None]


@dataclass(frozen=True)
class _Change:
    """Fields of the view before and after a change; no other field goes back with it."""

    label: str
    merge: str
    before: dict[str, Any]
    after: dict[str, Any]


class Store:
    """Holds the view state of a window, and undoes what changed it.

    A step is a change of the view or an edit of the notes; both go back in the order in which
    they were made.

    Parameters
    ----------
    state : ViewState or None
        What is shown first.

    Attributes
    ----------
    changed : signal (ViewState, ViewState)
        The state now and the one before, told at once on the thread that changed it.
    steps_changed : signal ()
        What can be undone or redone is something else now.
    """

    changed = psygnal.Signal(ViewState, ViewState)
    steps_changed = psygnal.Signal()

    def __init__(self, state: ViewState | None = None) -> None:
        self.state = state or ViewState()
        self._done: list[_Edit | _Change] = []
        self._undone: list[_Edit | _Change] = []

    def change(self, label: str, *, merge: str = "", undoable: bool = True, **fields: Any) -> None:
        """Change fields of the state.

        Parameters
        ----------
        label : str
            The id of the text that names the step.
        merge : str
            Consecutive changes of the same non-empty kind are undone as one, so that dragging
            a map is one step.
        undoable : bool
            Whether the change is a step; where not, the steps before it stay as they are.
        **fields
            Fields of `ViewState`. If none differs, nothing happens.
        """
        before = self.state
        now = replace(before, **fields)
        if now == before:
            return
        if undoable:
            old, new = {name: getattr(before, name) for name in fields}, fields
            last = self._done[-1] if self._done and not self._undone else None
            if merge and isinstance(last, _Change) and last.merge == merge:
                self._done.pop()
                old, new = {**old, **last.before}, {**last.after, **fields}
            self._add(_Change(label, merge, old, new))
        self._put(now)

    def do(self, label: str, redo: Callable[[], None], undo: Callable[[], None]) -> None:
        """Do something outside the view that can be undone, such as an edit of the notes."""
        redo()
        self._add(_Edit(label, redo, undo))

    def undo(self) -> None:
        """Take the last step back."""
        if self._done:
            step = self._done.pop()
            self._undone.append(step)
            if isinstance(step, _Edit):
                step.undo()
            else:
                self._put(replace(self.state, **step.before))
            self.steps_changed.emit()

    def redo(self) -> None:
        """Take the step forward again that was undone last."""
        if self._undone:
            step = self._undone.pop()
            self._done.append(step)
            if isinstance(step, _Edit):
                step.redo()
            else:
                self._put(replace(self.state, **step.after))
            self.steps_changed.emit()

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to take back."""
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        """Whether there is an undone step to take again."""
        return bool(self._undone)

    @property
    def undo_label(self) -> str:
        """The id of the text that names the step to take back; empty without one."""
        return self._done[-1].label if self._done else ""

    @property
    def redo_label(self) -> str:
        """The id of the text that names the step to take again; empty without one."""
        return self._undone[-1].label if self._undone else ""

    def reset(self, state: ViewState) -> None:
        """Begin anew with a state, as for another atlas: no step leads back from it.

        `changed` is not told: who shows the atlas shows all of the state anew.
        """
        self._done.clear()
        self._undone.clear()
        self.state = state
        self.steps_changed.emit()

    def _add(self, step: _Edit | _Change) -> None:
        self._undone.clear()
        self._done.append(step)
        del self._done[:-_MOST]
        self.steps_changed.emit()

    def _put(self, now: ViewState) -> None:
        before, self.state = self.state, now
        if now != before:
            self.changed.emit(now, before)
