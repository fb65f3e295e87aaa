"""Sentences that must be right for every kind of feature."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mmfeat.analysis.languages import Level, Reach, reach
from mmfeat.analysis.sentences import Facts, language_label, sentence
from mmfeat.corpus.openmoji import LANGUAGES
from mmfeat.errors import MmfeatError

# Crossmodal-3600's.
XM3600 = (
    "ar bn cs da de el en es fa fi fil fr he hi hr hu id it ja ko mi nl no pl pt quz ro ru sv sw "
    "te th tr uk vi zh"
)


def facts(
    pictures: Level,
    fires: str = "",
    hardly: str = "",
    languages: tuple[str, ...] = LANGUAGES,
    **more: Any,
) -> Facts:
    """Take where a feature fires; it is untestable and has no weakest language unless said."""
    level = {tag: Level.FIRES if tag in fires.split() else Level.NEVER for tag in languages}
    level |= dict.fromkeys(hardly.split(), Level.HARDLY)
    row = np.array([list(level.values())], np.int8)
    settings: dict[str, Any] = {
        "weakest": None,
        "testable": False,
        "shared": False,
        "shared_languages": 0,
    }
    return Facts(pictures, level, Reach(reach(row, languages)[0]), **settings | more)


ALL = " ".join(LANGUAGES)
LATIN = "de en es fr id it pt tr"
BUT_TURKISH = ALL.replace(" tr", "")


@pytest.mark.parametrize(
    ("known", "english", "korean"),
    [
        (
            facts(
                Level.FIRES,
                BUT_TURKISH,
                weakest="tr",
                testable=True,
                shared=True,
                shared_languages=12,
            ),
            "Fires for pictures and for captions in 13 of 14 languages; weakest in Turkish; "
            "shared by pictures and 12 of 14 languages.",
            "그림, 그리고 14개 언어 중 13개 언어의 캡션에 발화함; 튀르키예어에서 가장 약함; "
            "그림과 14개 언어 중 12개 언어가 공유함.",
        ),
        (
            facts(Level.FIRES, ALL, testable=True),
            "Fires for pictures and for captions in all 14 languages; not shared by the test.",
            "그림, 그리고 14개 언어 모두의 캡션에 발화함; 검정 결과 공유되지 않음.",
        ),
        (
            facts(Level.FIRES, "ar fa ko"),
            "Fires for pictures and for captions in Arabic, Persian and Korean only, of 14 "
            "languages; too rare in test concepts to tell whether it is shared.",
            "그림, 그리고 14개 언어 중 아랍어, 페르시아어, 한국어 캡션에만 발화함; "
            "테스트 개념에서 너무 드물어 공유 여부를 알 수 없음.",
        ),
        (
            facts(Level.NEVER, ""),
            "Fires on no picture and no caption.",
            "어떤 그림과 캡션에도 발화하지 않음.",
        ),
        (
            facts(Level.NEVER, "", "en"),
            "Fires on too few rows to say where.",
            "발화하는 행이 너무 적어 어디에 발화하는지 말할 수 없음.",
        ),
        (
            facts(Level.FIRES),
            "Fires for pictures, but not for captions.",
            "그림에 발화하고 캡션에는 발화하지 않음.",
        ),
        (
            facts(Level.FIRES, "", "en de"),
            "Fires for pictures, but hardly for captions.",
            "그림에 발화하고 캡션에는 거의 발화하지 않음.",
        ),
        (
            facts(Level.NEVER, "ko"),
            "Fires for captions in Korean only, of 14 languages, but not for pictures.",
            "14개 언어 중 한국어 캡션에만 발화하고 그림에는 발화하지 않음.",
        ),
        (
            facts(Level.HARDLY, LATIN, weakest="zh"),
            "Fires for captions in 8 of 14 languages, all of one script, but hardly for pictures; "
            "weakest in Chinese.",
            "14개 언어 중 8개 언어(모두 같은 문자)의 캡션에 발화하고 그림에는 거의 발화하지 않음; "
            "중국어에서 가장 약함.",
        ),
        (
            facts(Level.HARDLY, ALL, testable=True, shared=True, shared_languages=14),
            "Fires for captions in all 14 languages, but hardly for pictures; "
            "shared by pictures and 14 of 14 languages.",
            "14개 언어 모두의 캡션에 발화하고 그림에는 거의 발화하지 않음; "
            "그림과 14개 언어 중 14개 언어가 공유함.",
        ),
        (
            facts(Level.NO_ROWS, "en de", languages=("en", "de", "ko")),
            "Fires for captions in English and German only, of 3 languages.",
            "3개 언어 중 영어, 독일어 캡션에만 발화함.",
        ),
        (
            facts(Level.FIRES, "en", languages=("en",)),
            "Fires for pictures and for captions in English; "
            "too rare in test concepts to tell whether it is shared.",
            "그림, 그리고 영어 캡션에 발화함; 테스트 개념에서 너무 드물어 공유 여부를 알 수 없음.",
        ),
    ],
)
def test_a_sentence_says_what_is_known(known: Facts, english: str, korean: str) -> None:
    assert sentence(known) == english
    assert sentence(known, "ko") == korean


def test_the_weakest_language_is_not_named_beside_a_list_of_the_few() -> None:
    assert "weakest" not in sentence(facts(Level.FIRES, "en de", weakest="ar"))
    assert "; weakest in Arabic" in sentence(
        facts(Level.FIRES, "en ar", languages=("en", "ar"), weakest="ar")
    )


def test_a_language_without_captions_is_not_counted() -> None:
    known = facts(Level.FIRES, "en de", languages=("en", "de", "ko"))
    known.captions["ko"] = Level.NO_ROWS
    assert sentence(known).startswith("Fires for pictures and for captions in all 2 languages;")


def test_every_language_of_the_known_corpora_has_two_names() -> None:
    assert len(XM3600.split()) == 36
    for tag in {*XM3600.split(), *LANGUAGES}:
        assert language_label(tag) != tag and language_label(tag, "ko") != tag
        assert language_label(tag).isascii() and not language_label(tag, "ko").isascii()
    assert len({language_label(tag) for tag in XM3600.split()}) == 36
    assert language_label("pt-BR") == language_label("pt-BR", "ko") == "pt-BR"


def test_another_language_of_sentences_is_refused() -> None:
    with pytest.raises(MmfeatError, match="no sentences in 'fr'; ask for 'en' or 'ko'"):
        sentence(facts(Level.FIRES), "fr")  # type: ignore[arg-type]
