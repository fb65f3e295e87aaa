from __future__ import annotations

import re
import string
from importlib.resources import files
from pathlib import Path
from xml.etree import ElementTree

import pytest

import mmfeat_gui
from mmfeat.figures.pages import EXPLANATIONS, Number
from mmfeat_gui.resources import strings

FOLDER = Path(str(files("mmfeat_gui.resources") / "translations"))
LINGUIST = sorted(FOLDER.glob("*.ts"))
HANGUL = re.compile("[가-힣]")
# The same in every language: letters, numbers and names.
ALIKE = re.compile(r"^[\W\d_]*$|^[A-Za-z]{0,5}$|^\{\w+\}$")


def _fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def _source() -> str:
    folder = Path(mmfeat_gui.__file__).parent
    return "\n".join(path.read_text("utf-8") for path in sorted(folder.rglob("*.py")))


@pytest.mark.parametrize("path", LINGUIST, ids=lambda path: path.name)
def test_every_file_is_one_of_qt_linguist_and_complete(path: Path) -> None:
    assert path.name.endswith("_ko.ts")
    root = ElementTree.parse(path).getroot()
    assert (root.tag, root.get("language"), root.get("sourcelanguage")) == ("TS", "ko_KR", "en_US")
    for message in root.iter("message"):
        key = message.get("id")
        translation = message.find("translation")
        assert key and message.findtext("source"), path.name
        assert translation is not None and translation.text, key
        assert translation.get("type") is None, key  # unfinished, vanished or obsolete


def test_korean_is_korean_and_fills_in_the_same_values() -> None:
    tables = strings.tables()
    assert len(tables["en"]) > 200
    for key, text in tables["en"].items():
        korean = tables["ko"][key]
        assert _fields(text) == _fields(korean), key
        assert HANGUL.search(korean) or ALIKE.match(text) or text == korean, key
        assert not HANGUL.search(text.replace("한국어", "")), key


def test_every_score_of_a_page_says_the_same_as_the_library_does() -> None:
    english = strings.tables()["en"]
    for key, (label, explanation) in EXPLANATIONS.items():
        assert english[f"number.{key}"] == label
        assert english[f"number.{key}_tip"] == explanation


@pytest.mark.parametrize("language", strings.LANGUAGES)
def test_a_score_without_words_is_told_as_what_it_is(language: str) -> None:
    strings.use(language)
    try:
        label, text, tip = strings.number_texts(Number("own_score", "own score", 1.0, "1", "x"))
        known = strings.number_texts(Number("shared_q", "x", 0.5, "0.5", "x"))
    finally:
        strings.use("en")
    assert (label, text) == ("own score", "1")
    assert tip == strings.tables()[language]["table.unknown_tip"].format(name="own_score")
    assert known == tuple(
        strings.tables()[language].get(key, key)
        for key in ("number.shared_q", "0.5", "number.shared_q_tip")
    )


def test_every_text_asked_for_by_name_exists() -> None:
    asked = set(re.findall(r'\btr\(\s*"([a-z0-9_.]+)"', _source()))
    assert len(asked) > 100
    assert asked - set(strings.tables()["en"]) == set()


def test_no_text_is_left_over() -> None:
    source = _source()
    named = set(re.findall(r"""["']([a-z0-9_]+\.[a-zA-Z0-9_.]+)["']""", source))
    composed = tuple(set(re.findall(r'f"([a-z0-9_]+\.[a-z0-9_.]*)\{', source)))
    # Texts of an action are asked for by its key.
    actions = {f"action.{key}" for key in re.findall(r'\b(?:Action|_toggle)\(\s*"(\w+)"', source)}
    left = {
        key
        for key in strings.tables()["en"]
        if key not in named | actions and not key.startswith((*composed, "split.", "action."))
    }
    assert left == set()


def test_an_id_in_two_files_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (FOLDER / "window_ko.ts").read_text("utf-8")
    for name in ("a_ko.ts", "b_ko.ts"):
        (tmp_path / "translations").mkdir(exist_ok=True)
        (tmp_path / "translations" / name).write_text(text, "utf-8")
    monkeypatch.setattr(strings, "files", lambda _: tmp_path)
    with pytest.raises(ValueError, match=r"stands in another file too"):
        strings.tables.__wrapped__()


@pytest.mark.parametrize(
    ("locale_name", "expected"), [("ko_KR.UTF-8", "ko"), ("de_DE.UTF-8", "en"), ("C", "en")]
)
def test_the_language_follows_the_system(
    monkeypatch: pytest.MonkeyPatch, locale_name: str, expected: str
) -> None:
    monkeypatch.setattr("locale.setlocale", lambda *_: locale_name)
    assert strings.system_language() == expected


def test_an_unknown_language_is_english() -> None:
    strings.use("xx")
    assert strings.language() == "en"
