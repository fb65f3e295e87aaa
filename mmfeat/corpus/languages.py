"""Language tags, writing directions and scripts."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

from mmfeat.errors import MmfeatError

# Country codes in common misuse as languages, and codes that BCP-47 replaced.
_ALIASES = {"jp": "ja", "cn": "zh", "iw": "he", "in": "id", "ji": "yi"}
_TAG = re.compile(
    r"(?P<language>[a-z]{2,3})(?:-(?P<extlang>[a-z]{3}))?(?:-(?P<script>[a-z]{4}))?"
    r"(?:-(?P<region>[a-z]{2}|[0-9]{3}))?"
    r"(?P<rest>(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*(?:-[a-wy-z0-9](?:-[a-z0-9]{2,8})+)*"
    r"(?:-x(?:-[a-z0-9]{1,8})+)?)"
)
_NAMES = {
    "ar": "العربية",
    "de": "Deutsch",
    "en": "English",
    "es": "Español",
    "fa": "فارسی",
    "fr": "Français",
    "id": "Indonesia",
    "it": "Italiano",
    "ja": "日本語",
    "ko": "한국어",
    "pt": "Português",
    "ru": "Русский",
    "tr": "Türkçe",
    "zh": "中文",
}
_RTL_SCRIPTS = {"Arab", "Hebr", "Syrc", "Thaa", "Nkoo", "Adlm", "Rohg", "Aran"}
# First word of a character's Unicode name -> ISO 15924 code.
_SCRIPTS = {
    "LATIN": "Latn",
    "CYRILLIC": "Cyrl",
    "GREEK": "Grek",
    "ARABIC": "Arab",
    "HEBREW": "Hebr",
    "SYRIAC": "Syrc",
    "THAANA": "Thaa",
    "NKO": "Nkoo",
    "ADLAM": "Adlm",
    "HANGUL": "Hang",
    "HIRAGANA": "Jpan",
    "KATAKANA": "Jpan",
    "CJK": "Hani",
    "DEVANAGARI": "Deva",
    "BENGALI": "Beng",
    "TELUGU": "Telu",
    "TAMIL": "Taml",
    "THAI": "Thai",
    "LAO": "Laoo",
    "KHMER": "Khmr",
    "MYANMAR": "Mymr",
    "GEORGIAN": "Geor",
    "ARMENIAN": "Armn",
    "ETHIOPIC": "Ethi",
    "GUJARATI": "Gujr",
    "GURMUKHI": "Guru",
    "KANNADA": "Knda",
    "MALAYALAM": "Mlym",
    "SINHALA": "Sinh",
    "TIBETAN": "Tibt",
}
_LANGUAGES_OF = {
    "Arab": "ar fa ur ps sd ug ckb azb",
    "Hebr": "he yi",
    "Syrc": "syr arc",
    "Thaa": "dv",
    "Nkoo": "nqo",
    "Cyrl": "ru uk be bg sr mk kk ky mn tg",
    "Grek": "el",
    "Hang": "ko",
    "Jpan": "ja",
    "Hani": "zh yue wuu nan",
    "Deva": "hi mr ne sa",
    "Beng": "bn as",
    "Telu": "te",
    "Taml": "ta",
    "Thai": "th",
    "Laoo": "lo",
    "Khmr": "km",
    "Mymr": "my",
    "Geor": "ka",
    "Armn": "hy",
    "Ethi": "am ti",
    "Gujr": "gu",
    "Guru": "pa",
    "Knda": "kn",
    "Mlym": "ml",
    "Sinh": "si",
    "Tibt": "bo dz",
}
_SCRIPT_OF_LANGUAGE = {
    language: script for script, line in _LANGUAGES_OF.items() for language in line.split()
}
# Letters that tell apart languages of one script.
_LETTERS = {
    "ar": "ةيكىأإؤ",
    "fa": "پچژگکی",
    "de": "äöüß",
    "es": "ñ¿¡áéíóú",
    "fr": "éèêëçàùûîïôœ",
    "it": "àèéìòù",
    "pt": "ãõçáâêôé",
    "tr": "ığşİçöü",
    "pl": "ąćęłńśźż",
    "uk": "іїєґ",
}


@lru_cache(maxsize=4096)
def normalise_tag(tag: str) -> str:
    """Return a language tag in BCP-47's usual spelling.

    ``jp`` becomes ``ja``, ``zh_hans`` becomes ``zh-Hans``, ``PT-br`` becomes ``pt-BR``.

    Raises
    ------
    MmfeatError
        If it has not the form of a language tag.
    """
    match = _TAG.fullmatch(tag.strip().replace("_", "-").lower())
    if match is None:
        raise MmfeatError(f"{tag!r} is not a language tag; write one such as en, ko or zh-Hans.")
    language = match["language"]
    parts = [
        _ALIASES.get(language, language),
        match["extlang"] or "",
        (match["script"] or "").title(),
        (match["region"] or "").upper(),
    ]
    return "-".join(part for part in parts if part) + match["rest"]


def script_of_tag(tag: str) -> str:
    """Return the ISO 15924 code of the script that a language, by its normal tag, is written in."""
    for part in tag.split("-")[1:]:
        if len(part) == 4 and part.isalpha():
            return {"Hans": "Hani", "Hant": "Hani", "Kore": "Hang"}.get(part, part)
    return _SCRIPT_OF_LANGUAGE.get(tag.split("-")[0], "Latn")


def is_rtl(tag: str) -> bool:
    """Return whether a language is written from right to left."""
    return script_of_tag(normalise_tag(tag)) in _RTL_SCRIPTS


def script_of(text: str) -> str:
    """Return the ISO 15924 code of the script that most letters of a text are in.

    Kana beside Han characters make a text Japanese (``Jpan``); Han alone is
    ``Hani``; a text without letters is ``Zyyy``.
    """
    counts: Counter[str] = Counter()
    for character in unicodedata.normalize("NFKC", text):
        if character.isalpha():
            script = _SCRIPTS.get(unicodedata.name(character, "").split(" ")[0])
            if script:
                counts[script] += 1
    if counts["Jpan"]:
        counts["Jpan"] += counts.pop("Hani", 0)
    return max(counts, key=lambda script: counts[script]) if counts.total() else "Zyyy"


def guess_language(text: str, languages: Sequence[str]) -> str:
    """Return the most likely of `languages` for a short text.

    The script decides; among languages of one script, letters that only some
    of them use, then English, then the order given. A guess to be shown and
    corrected, not an identification.

    Raises
    ------
    MmfeatError
        If `languages` is empty.
    """
    if not languages:
        raise MmfeatError("There is no language to choose from; give at least one.")
    script = script_of(text)
    same = [tag for tag in languages if script_of_tag(tag) == script]
    if not same and script == "Hani":  # Japanese may be written in Han characters alone
        same = [tag for tag in languages if script_of_tag(tag) == "Jpan"]
    folded = unicodedata.normalize("NFC", text).lower()

    def evidence(tag: str) -> tuple[int, bool]:
        primary = tag.split("-")[0]
        letters = _LETTERS.get(primary, "")
        return sum(character in letters for character in folded), primary == "en"

    return max(same or languages, key=evidence)


def language_name(tag: str) -> str:
    """Return a language's own short name, or the tag where none is known."""
    return _NAMES.get(tag, tag)
