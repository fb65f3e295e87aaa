"""A menu of all columns that can be filtered by."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace

from PySide6.QtWidgets import QMenu

from mmfeat_gui.state.features import FeatureTable


def fill_columns(
    menu: QMenu,
    table: FeatureTable,
    shown: Collection[str],
    choose: Callable[[str], None],
    *,
    histograms: bool = False,
) -> None:
    """Offer each column of numbers; scores a language stand one menu deeper.

    Parameters
    ----------
    menu : QMenu
    table : FeatureTable
    shown : collection of str
        Columns that cannot be chosen, since they are there already.
    choose : callable (key)
    histograms : bool
        Leave out flags and categories.
    """
    menu.clear()
    deeper: dict[str, QMenu] = {}
    for key in table.column_keys():
        column = table.describe(key)
        if column is None or column.is_text or key in ("feature", "star"):
            continue
        if histograms and column.is_chosen:
            continue
        inside = menu
        if column.language:
            if column.base not in deeper:
                label = replace(column, language="").label
                deeper[column.base] = menu.addMenu(label.replace("&", "&&"))
            inside = deeper[column.base]
        action = inside.addAction((column.language or column.label).replace("&", "&&"))
        action.setEnabled(key not in shown)
        action.triggered.connect(lambda _=False, own=key: choose(own))
