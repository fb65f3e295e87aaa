"""Fonts for many scripts, and what to install where one is missing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtGui import QFont, QFontDatabase
from PySide6.QtWidgets import QApplication

from mmfeat_gui.resources.strings import tr

_GENERAL = ("Noto Sans", "Noto Sans Arabic", "Noto Sans CJK KR", "DejaVu Sans")
# One Han character is drawn differently in Japanese, Chinese and Korean.
_OWN = {
    "ja": "Noto Sans CJK JP",
    "zh": "Noto Sans CJK SC",
    "ko": "Noto Sans CJK KR",
    "ar": "Noto Sans Arabic",
    "fa": "Noto Sans Arabic",
    "ur": "Noto Sans Arabic",
    "he": "Noto Sans Hebrew",
    "hi": "Noto Sans Devanagari",
    "th": "Noto Sans Thai",
}
_System = QFontDatabase.WritingSystem
_WRITING = {
    "ja": _System.Japanese,
    "zh": _System.SimplifiedChinese,
    "ko": _System.Korean,
    "ar": _System.Arabic,
    "fa": _System.Arabic,
    "ur": _System.Arabic,
    "ru": _System.Cyrillic,
    "uk": _System.Cyrillic,
    "bg": _System.Cyrillic,
    "el": _System.Greek,
    "he": _System.Hebrew,
    "hi": _System.Devanagari,
    "bn": _System.Bengali,
    "ta": _System.Tamil,
    "te": _System.Telugu,
    "th": _System.Thai,
    "ka": _System.Georgian,
    "hy": _System.Armenian,
}
_CJK = ("ja", "zh", "ko")


def _families_of(system: QFontDatabase.WritingSystem) -> Sequence[str]:
    return QFontDatabase.families(system)


def application_font() -> QFont:
    """Return the font of the interface, with fallbacks for the scripts of captions."""
    font = QFont(QApplication.font())
    installed = set(QFontDatabase.families())
    font.setFamilies([*(name for name in _GENERAL if name in installed), font.family()])
    font.setPointSizeF(10)
    return font


def font_for(language: str, font: QFont) -> QFont:
    """Return a font that draws a language with its own letter forms."""
    own = _OWN.get(language.split("-")[0])
    if own is None:
        return font
    chosen = QFont(font)
    # Latin letters and digits keep the general family.
    families = [name for name in font.families() if not name.startswith("Noto Sans CJK")]
    chosen.setFamilies([*families[:1], own, *families[1:]])
    return chosen


def missing_fonts(
    languages: Sequence[str],
    families_of: Callable[[QFontDatabase.WritingSystem], Sequence[str]] = _families_of,
) -> str:
    """Return a sentence that says which languages cannot be drawn and what to install.

    Empty where all can be.
    """
    lacking = []
    for language in languages:
        system = _WRITING.get(language.split("-")[0])
        if system is not None and not families_of(system):
            lacking.append(language)
    if not lacking:
        return ""
    cjk = any(language.split("-")[0] in _CJK for language in lacking)
    other = any(language.split("-")[0] not in _CJK for language in lacking)
    packages = ["fonts-noto-cjk"] * cjk + ["fonts-noto-core"] * other
    # Their own names could not be read: the tags can.
    return tr("notice.fonts", languages=", ".join(lacking), packages=" ".join(packages))
