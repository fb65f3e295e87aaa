"""The texts of the interface, in English and Korean, and how to get them."""

from __future__ import annotations

import locale
from typing import TYPE_CHECKING, Any

from mmfeat_gui.resources.english import ENGLISH
from mmfeat_gui.resources.korean import KOREAN

if TYPE_CHECKING:
    from mmfeat.figures.pages import Number

LANGUAGES = ("en", "ko")
TABLES = {"en": ENGLISH, "ko": KOREAN}
_used = {"language": "en"}


def use(language: str) -> None:
    """Choose the language of all texts asked for from now on; English where it is unknown."""
    _used["language"] = language if language in TABLES else "en"


def language() -> str:
    """Return the language in use."""
    return _used["language"]


def system_language() -> str:
    """Return the language of the system if it is one of ours, else English."""
    try:
        name = locale.setlocale(locale.LC_CTYPE, "") or ""
    except locale.Error:
        name = ""
    return "ko" if name.startswith(("ko", "Korean")) else "en"


def tr(key: str, **values: Any) -> str:
    """Return a text in the language in use, with values put in."""
    text = TABLES[language()][key]
    return text.format(**values) if values else text


def split_name(split: str) -> str:
    """Return the name of a split; one we do not know is its own name."""
    return TABLES[language()].get(f"split.{split}", split)


def number_texts(number: Number) -> tuple[str, str, str]:
    """Return name, value and explanation of a score."""
    table = TABLES[language()]
    label = table.get(f"number.{number.key}", number.label)
    return label, number.text, table.get(f"number.{number.key}_tip", number.explanation)
