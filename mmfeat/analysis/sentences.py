"""One sentence in plain words on where a feature fires, in English and Korean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mmfeat.analysis.languages import Level, Reach
from mmfeat.errors import MmfeatError

# Languages that are listed by name where a feature fires in no others.
_LISTED = 3
_NAMES = {
    "ar": ("Arabic", "아랍어"),
    "bn": ("Bengali", "벵골어"),
    "cs": ("Czech", "체코어"),
    "da": ("Danish", "덴마크어"),
    "de": ("German", "독일어"),
    "el": ("Greek", "그리스어"),
    "en": ("English", "영어"),
    "es": ("Spanish", "스페인어"),
    "fa": ("Persian", "페르시아어"),
    "fi": ("Finnish", "핀란드어"),
    "fil": ("Filipino", "필리핀어"),
    "fr": ("French", "프랑스어"),
    "he": ("Hebrew", "히브리어"),
    "hi": ("Hindi", "힌디어"),
    "hr": ("Croatian", "크로아티아어"),
    "hu": ("Hungarian", "헝가리어"),
    "id": ("Indonesian", "인도네시아어"),
    "it": ("Italian", "이탈리아어"),
    "ja": ("Japanese", "일본어"),
    "ko": ("Korean", "한국어"),
    "mi": ("Maori", "마오리어"),
    "nl": ("Dutch", "네덜란드어"),
    "no": ("Norwegian", "노르웨이어"),
    "pl": ("Polish", "폴란드어"),
    "pt": ("Portuguese", "포르투갈어"),
    "quz": ("Cusco Quechua", "쿠스코 케추아어"),
    "ro": ("Romanian", "루마니아어"),
    "ru": ("Russian", "러시아어"),
    "sv": ("Swedish", "스웨덴어"),
    "sw": ("Swahili", "스와힐리어"),
    "te": ("Telugu", "텔루구어"),
    "th": ("Thai", "태국어"),
    "tr": ("Turkish", "튀르키예어"),
    "uk": ("Ukrainian", "우크라이나어"),
    "vi": ("Vietnamese", "베트남어"),
    "zh": ("Chinese", "중국어"),
}


@dataclass(frozen=True)
class Facts:
    """What the sentence of a feature says.

    Attributes
    ----------
    pictures : Level
        Whether it fires for pictures.
    captions : mapping of str to Level
        Whether it fires for captions, by language tag.
    reach : Reach
        In which languages it fires.
    weakest : str or None
        The language in which it fires least often, where one stands out.
    testable, shared : bool
        As in `Sharing`.
    shared_languages : int
        Languages in which pictures and captions share it.
    """

    pictures: Level
    captions: dict[str, Level]
    reach: Reach
    weakest: str | None
    testable: bool
    shared: bool
    shared_languages: int


def language_label(tag: str, language: Literal["en", "ko"] = "en") -> str:
    """Return the name of a language in English or Korean, or the tag where none is known."""
    return _NAMES[tag][language == "ko"] if tag in _NAMES else tag


def sentence(facts: Facts, language: Literal["en", "ko"] = "en") -> str:
    """Return one sentence on a feature, ended by a full stop.

    Raises
    ------
    MmfeatError
        If it is asked for in another language.
    """
    if language == "en":
        parts = _english(facts)
    elif language == "ko":
        parts = _korean(facts)
    else:
        raise MmfeatError(f"There are no sentences in {language!r}; ask for 'en' or 'ko'.")
    return "; ".join(part for part in parts if part) + "."


def _fires_in(facts: Facts) -> tuple[list[str], int]:
    """Return the languages in which it fires, and how many have captions."""
    fires = [tag for tag, level in facts.captions.items() if level == Level.FIRES]
    return fires, sum(level != Level.NO_ROWS for level in facts.captions.values())


def _hardly_in_captions(facts: Facts) -> bool:
    return Level.HARDLY in facts.captions.values()


def _weakest(facts: Facts) -> str | None:
    # Where a few languages are listed, all the others are weak.
    fires, n = _fires_in(facts)
    return facts.weakest if len(fires) > _LISTED or len(fires) == n else None


def _english(facts: Facts) -> list[str]:
    fires, n = _fires_in(facts)
    pictures = facts.pictures == Level.FIRES
    if not pictures and not fires:
        if facts.pictures == Level.HARDLY or _hardly_in_captions(facts):
            return ["Fires on too few rows to say where"]
        return ["Fires on no picture and no caption"]
    if not fires:
        hardly = "hardly for captions" if _hardly_in_captions(facts) else "not for captions"
        where = f"Fires for pictures, but {hardly}" if n else "Fires for pictures"
    else:
        where = f"Fires for {'pictures and for ' if pictures else ''}captions in "
        names = [language_label(tag) for tag in fires]
        if len(fires) == n:
            where += f"all {n} languages" if n > 1 else names[0]
        elif len(fires) <= _LISTED:
            where += f"{_and(names)} only, of {n} languages"
        else:
            where += f"{len(fires)} of {n} languages"
            if facts.reach == Reach.ONE_SCRIPT:
                where += ", all of one script"
        if facts.pictures in (Level.NEVER, Level.HARDLY):
            where += f", but {'not' if facts.pictures == Level.NEVER else 'hardly'} for pictures"
    weak = _weakest(facts)
    return [
        where,
        f"weakest in {language_label(weak)}" if weak else "",
        _sharing_in_english(facts, n, both=pictures and bool(fires)),
    ]


def _sharing_in_english(facts: Facts, n: int, both: bool) -> str:
    if facts.shared:
        return f"shared by pictures and {facts.shared_languages} of {n} languages"
    if facts.testable:
        return "not shared by the test"
    return "too rare in test concepts to tell whether it is shared" if both else ""


def _and(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]


def _korean(facts: Facts) -> list[str]:
    fires, n = _fires_in(facts)
    pictures = facts.pictures == Level.FIRES
    if not pictures and not fires:
        if facts.pictures == Level.HARDLY or _hardly_in_captions(facts):
            return ["발화하는 행이 너무 적어 어디에 발화하는지 말할 수 없음"]
        return ["어떤 그림과 캡션에도 발화하지 않음"]
    if not fires:
        hardly = "거의 발화하지 않음" if _hardly_in_captions(facts) else "발화하지 않음"
        where = f"그림에 발화하고 캡션에는 {hardly}" if n else "그림에 발화함"
    else:
        names = [language_label(tag, "ko") for tag in fires]
        if len(fires) == n:
            where = f"{n}개 언어 모두의 캡션" if n > 1 else f"{names[0]} 캡션"
        elif len(fires) <= _LISTED:
            where = f"{n}개 언어 중 {', '.join(names)} 캡션"
        else:
            script = "(모두 같은 문자)" if facts.reach == Reach.ONE_SCRIPT else ""
            where = f"{n}개 언어 중 {len(fires)}개 언어{script}의 캡션"
        where += "에만" if len(fires) < n and len(fires) <= _LISTED else "에"
        where = f"그림, 그리고 {where} 발화" if pictures else f"{where} 발화"
        if facts.pictures in (Level.NEVER, Level.HARDLY):
            how = "" if facts.pictures == Level.NEVER else "거의 "
            where += f"하고 그림에는 {how}발화하지 않음"
        else:
            where += "함"
    weak = _weakest(facts)
    return [
        where,
        f"{language_label(weak, 'ko')}에서 가장 약함" if weak else "",
        _sharing_in_korean(facts, n, both=pictures and bool(fires)),
    ]


def _sharing_in_korean(facts: Facts, n: int, both: bool) -> str:
    if facts.shared:
        return f"그림과 {n}개 언어 중 {facts.shared_languages}개 언어가 공유함"
    if facts.testable:
        return "검정 결과 공유되지 않음"
    return "테스트 개념에서 너무 드물어 공유 여부를 알 수 없음" if both else ""
