from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmfeat.errors import MmfeatError
from mmfeat_gui.resources import strings
from mmfeat_gui.state.notes import Note
from mmfeat_gui.state.notes_csv import COLUMNS, read, write

MARK = "c0ffee" * 10


@pytest.fixture(autouse=True)
def english() -> None:
    strings.use("en")


texts = st.text(max_size=20) | st.sampled_from(
    ["=1+1", "'=1", "''-2", "@x", "a,b\n\"c\"", "می\u200cخواهم", "\t=1"]
)  # fmt: skip
notes = st.builds(Note.of, texts, texts, st.lists(texts, max_size=4), st.booleans(), st.booleans())


@given(st.dictionaries(st.integers(0, 99), notes, max_size=5))
def test_any_notes_come_back_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, known: dict[int, Note]
) -> None:
    file = tmp_path_factory.mktemp("notes") / "notes.csv"
    said = {feature: note for feature, note in known.items() if note}
    assert write(file, MARK, known) == len(said)
    assert read(file, MARK, 100) == said


def test_other_programs_read_the_table(tmp_path: Path) -> None:
    file = tmp_path / "notes.csv"
    write(file, MARK, {7: Note("=1+1", "", ("a", "b"), True), 2: Note("사자")})
    with file.open(encoding="utf-8-sig", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert list(rows[0]) == list(COLUMNS)
    assert [row["feature"] for row in rows] == ["2", "7"]
    assert rows[0]["name"] == "사자"
    assert (rows[1]["name"], rows[1]["tags"], rows[1]["starred"]) == ("'=1+1", "a; b", "true")
    assert rows[1]["of"] == MARK[:12]


def test_a_table_of_few_columns_in_any_order_is_enough(tmp_path: Path) -> None:
    file = tmp_path / "notes.csv"
    file.write_text("Tags,FEATURE,starred\nx;y,3,yes\n,4\n\n", "utf-8")
    assert read(file, MARK, 9) == {3: Note(tags=("x", "y"), starred=True), 4: Note()}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is no table of notes"),
        ("name\nx\n", "is no table of notes"),
        ("feature,feature\n1,2\n", "is no table of notes"),
        ("feature\nx\n", "Row 2 of .* cannot be understood"),
        ("feature\n1,2\n", "Row 2 of .* cannot be understood"),
        ("feature\n1\n1\n", "Row 3 of .* cannot be understood"),
        ("feature,starred\n1,maybe\n", "Row 2 of .* cannot be understood"),
        ("name,feature\nx\n", "Row 2 of .* cannot be understood"),
        ("feature\n9\n", "Row 2 of .* from 0 to 8"),
        ("feature,of\n1,other\n", "another SAE"),
        ("feature\n\ud800\n", "is no table of notes"),
    ],
)
def test_a_table_that_is_not_understood_is_refused(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "notes.csv"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(MmfeatError, match=message):
        read(file, MARK, 9)
    with pytest.raises(MmfeatError, match=r"none\.csv cannot be read"):
        read(tmp_path / "none.csv", MARK, 9)
