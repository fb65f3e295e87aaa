from __future__ import annotations

import re
import string
from pathlib import Path

import pytest

import mmfeat_gui
from mmfeat.figures.pages import _EXPLANATIONS
from mmfeat_gui.resources import strings
from mmfeat_gui.resources.english import ENGLISH
from mmfeat_gui.resources.korean import KOREAN

ONLY_KOREAN = ("number.",)


def _fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_korean_says_all_that_english_says() -> None:
    assert set(ENGLISH) == {key for key in KOREAN if not key.startswith(ONLY_KOREAN)}
    for key, text in ENGLISH.items():
        assert _fields(text) == _fields(KOREAN[key]), key


def test_every_score_has_a_korean_name_and_explanation() -> None:
    for key in _EXPLANATIONS:
        assert f"number.{key}" in KOREAN
        assert f"number.{key}_tip" in KOREAN


def test_every_text_asked_for_by_name_exists_and_none_is_left_over() -> None:
    folder = Path(mmfeat_gui.__file__).parent
    source = "\n".join(
        path.read_text("utf-8")
        for path in folder.rglob("*.py")
        if path.name not in ("english.py", "korean.py")
    )
    asked = set(re.findall(r'\btr\(\s*"([a-z_.]+)"', source))
    assert asked - set(KOREAN) == set()
    composed = (*re.findall(r'\btr\(\s*f"([a-z_.]+)\{', source), "split.")
    used = asked | {key for key in ENGLISH if key.startswith(composed)}
    assert set(ENGLISH) - used == set()


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
