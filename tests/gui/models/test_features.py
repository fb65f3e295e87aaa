from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.modeltest import ModelTester

from mmfeat_gui.models.features import FeatureModel
from mmfeat_gui.resources import strings
from mmfeat_gui.state.features import FeatureTable, Outside
from mmfeat_gui.state.names import make_block
from mmfeat_gui.state.query import Limit, Order, Query
from mmfeat_gui.state.selection import Selection

KEYS = ("title", "feature", "shared", "n_languages", "modality_score", "p[ko]", "star", "tags")
NAMES = [["dog", "개"], ["", "고양이"], ["", ""], ["tree", ""]]


@pytest.fixture
def table() -> FeatureTable:
    scores = {
        "shared": np.array([True, False, False, True]),
        "n_languages": np.array([14, 3, 0, 9], np.int16),
        "modality_score": np.array([0.5, np.nan, np.nan, 0.1], np.float32),
    }
    found = FeatureTable(scores, {"p": np.arange(8.0).reshape(4, 2) / 8}, ("en", "ko"))
    found.put_names(make_block(0, NAMES, np.full((4, 2), 0.5, np.float32), ("en", "ko")))
    return found


@pytest.fixture
def model(qapp: object, table: FeatureTable) -> FeatureModel:
    strings.use("en")
    found = FeatureModel()
    found.show_table(table, KEYS, ())
    return found


def _cell(
    model: FeatureModel, row: int, key: str, role: int = Qt.ItemDataRole.DisplayRole
) -> object:
    return model.data(model.index(row, KEYS.index(key)), role)


def test_the_model_is_sound(
    qtmodeltester: ModelTester, model: FeatureModel, table: FeatureTable
) -> None:
    qtmodeltester.check(model)
    table.apply(Query().limited(Limit("n_languages", 3)))
    model.show_table(table, ("title", "p[ko]"), ())
    qtmodeltester.check(model)
    model.show_table(None, (), ())
    qtmodeltester.check(model)
    assert (model.rowCount(), model.columnCount()) == (0, 0)


def test_cells_are_the_values_of_the_rows_shown(model: FeatureModel, table: FeatureTable) -> None:
    assert [_cell(model, row, "title") for row in range(4)] == [
        "dog",
        "고양이",
        "feature 2",
        "tree",
    ]
    assert [_cell(model, 0, key) for key in KEYS[1:6]] == ["0", "✓", "14", "0.50", "0.12"]
    assert _cell(model, 1, "modality_score") == "–"
    table.apply(Query(order=(Order("feature", True),)))
    model.show_table(table, KEYS, ())
    assert [_cell(model, row, "feature") for row in range(4)] == ["3", "2", "1", "0"]
    assert model.row_of(3) == 0 and model.feature(0) == 3


def test_heads_tell_what_is_sorted_by(model: FeatureModel, table: FeatureTable) -> None:
    def head(key: str) -> str:
        return str(model.headerData(KEYS.index(key), Qt.Orientation.Horizontal))

    assert head("title") == "Name"
    model.show_table(table, KEYS, (Order("title"),))
    assert head("title") == "Name ▲" and head("p[ko]") == "p (ko)"
    model.show_table(table, KEYS, (Order("shared", True), Order("title")))
    assert head("shared") == "Shared ▼¹" and head("title") == "Name ▲²"
    for section in range(len(KEYS)):
        tip = model.headerData(section, Qt.Orientation.Horizontal, Qt.ItemDataRole.ToolTipRole)
        assert isinstance(tip, str) and len(tip) > 20


def test_marks_and_languages_are_told(model: FeatureModel, table: FeatureTable) -> None:
    model.show_brushed(Selection.of([1, 3]).mask(4))
    model.show_current(3)
    marks = [model.marks(model.index(row, 0)) for row in range(4)]
    assert [brushed for brushed, _, _ in marks] == [False, True, False, True]
    assert [current for _, current, _ in marks] == [False, False, False, True]
    assert [language for _, _, language in marks] == ["en", "ko", "", "en"]
    role = Qt.ItemDataRole.AccessibleDescriptionRole
    assert _cell(model, 3, "title", role) == "its page is shown, selected"
    assert _cell(model, 0, "title", role) == ""
    assert _cell(model, 0, "shared", Qt.ItemDataRole.AccessibleTextRole) == "yes"


def test_notes_are_shown(model: FeatureModel) -> None:
    tags = {1: ("animal", "mine")}
    model.show_notes(Outside(starred=Selection.of([2])), lambda feature: tags.get(feature, ()))
    assert [_cell(model, row, "star") for row in range(4)] == ["", "", "★", ""]
    assert _cell(model, 1, "tags") == "animal, mine" and _cell(model, 0, "tags") == ""
    assert _cell(model, 2, "star", Qt.ItemDataRole.AccessibleTextRole) == "yes"


def test_columns_that_the_table_lacks_are_left_out(
    model: FeatureModel, table: FeatureTable
) -> None:
    model.show_table(table, ("nothing", "title", "p[xx]"), ())
    assert [column.key for column in model.columns] == ["title"]


def test_names_of_a_language_and_tips_of_all(model: FeatureModel, table: FeatureTable) -> None:
    assert _cell(model, 0, "title", Qt.ItemDataRole.ToolTipRole) == "dog\n개"
    model.show_table(table, ("name[ko]",), ())
    index = model.index(0, 0)
    assert index.data() == "개" and model.marks(index)[2] == "ko"
    assert model.index(3, 0).data() == ""


def test_millions_of_rows_are_no_objects(qapp: object) -> None:
    count = 2_000_000
    table = FeatureTable({"shared": np.zeros(count, bool)}, {}, ("en",))
    model = FeatureModel()
    model.show_table(table, ("title", "feature", "shared"), ())
    assert model.rowCount() == count
    assert model.index(count - 1, 1).data() == str(count - 1)
    assert model.rows is table.rows
