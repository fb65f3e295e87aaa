"""The texts of the interface, in English and Korean, and how to get them.

They live in Qt Linguist files, one for each area of the interface, in which a message has an
id, its English text as source and its translation. They are read without Qt, since a sentence
may be needed on why Qt cannot be loaded.
"""

from __future__ import annotations

import locale
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

if TYPE_CHECKING:
    from mmfeat.figures.pages import Number

LANGUAGES = ("en", "ko")
_used = {"language": "en"}


@cache
def tables() -> dict[str, dict[str, str]]:
    """Return the texts by language and id.

    Raises
    ------
    ValueError
        If an id stands in two files: which of them counted would be chance.
    """
    found: dict[str, dict[str, str]] = {name: {} for name in LANGUAGES}
    for file in files(__package__).joinpath("translations").iterdir():
        if not file.name.endswith("_ko.ts"):
            continue
        for message in ElementTree.fromstring(file.read_bytes()).iter("message"):
            key = message.get("id", "")
            if key in found["en"]:
                raise ValueError(f"The message {key!r} of {file.name} stands in another file too.")
            source = message.findtext("source") or ""
            found["en"][key] = source
            found["ko"][key] = message.findtext("translation") or source
    return found


def use(language: str) -> None:
    """Choose the language of all texts asked for from now on; English where it is unknown."""
    _used["language"] = language if language in LANGUAGES else "en"


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


def has(key: str) -> bool:
    """Return whether there is a text of that id."""
    return key in tables()["en"]


def tr(key: str, **values: Any) -> str:
    """Return a text in the language in use, with values put in."""
    text = tables()[language()][key]
    return text.format(**values) if values else text


def split_name(split: str) -> str:
    """Return the name of a split; one we do not know is its own name."""
    return tables()[language()].get(f"split.{split}", split)


def number_texts(number: Number) -> tuple[str, str, str]:
    """Return name, value and explanation of a score; of one without words here, what is known."""
    key = f"number.{number.key}"
    if has(key):
        return tr(key), number.text, tr(f"{key}_tip")
    return number.label, number.text, tr("table.unknown_tip", name=number.key)
