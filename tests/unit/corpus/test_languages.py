"""Language tags, writing direction and guesses by script."""

from __future__ import annotations

import unicodedata

import pytest

from mmfeat.corpus.languages import (
    guess_language,
    is_rtl,
    language_name,
    normalise_tag,
    script_of,
)
from mmfeat.corpus.openmoji import LANGUAGES, load_emoji
from mmfeat.errors import MmfeatError


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("jp", "ja"),
        ("zh-hans", "zh-Hans"),
        ("zh_HANT_tw", "zh-Hant-TW"),
        ("PT-br", "pt-BR"),
        (" en ", "en"),
        ("es-419", "es-419"),
        ("fil", "fil"),
        ("quz", "quz"),
        ("iw", "he"),
        ("de-1996", "de-1996"),
        ("en-x-pirate", "en-x-pirate"),
        ("kor_Hang", "kor-Hang"),
    ],
)
def test_tags_are_spelt_as_bcp_47_does(given: str, expected: str) -> None:
    assert normalise_tag(given) == expected
    assert normalise_tag(expected) == expected


@pytest.mark.parametrize("nonsense", ["", "e", "english", "en--us", "12", "한국어", "en us", "a-b"])
def test_nonsense_is_refused_by_name(nonsense: str) -> None:
    with pytest.raises(MmfeatError, match="is not a language tag") as error:
        normalise_tag(nonsense)
    assert repr(nonsense) in str(error.value)


def test_only_languages_of_right_to_left_scripts_are_rtl() -> None:
    assert [tag for tag in LANGUAGES if is_rtl(tag)] == ["ar", "fa"]
    assert is_rtl("he") and is_rtl("ur") and is_rtl("pa-Arab") and is_rtl("ar-EG")
    assert not is_rtl("ar-Latn")


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("cat", "Latn"),
        ("кошка", "Cyrl"),
        ("고양이", "Hang"),
        (unicodedata.normalize("NFD", "고양이"), "Hang"),
        ("猫", "Hani"),
        ("猫の顔", "Jpan"),
        ("ネコ", "Jpan"),
        ("قطة", "Arab"),
        ("123 !?", "Zyyy"),
        ("", "Zyyy"),
        ("A 고양이 face", "Latn"),
    ],
)
def test_script_of_most_letters(text: str, script: str) -> None:
    assert script_of(text) == script


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("a cat", "en"),
        ("кошка", "ru"),
        ("고양이", "ko"),
        ("猫", "zh"),
        ("猫の顔", "ja"),
        ("قطة", "ar"),
        ("گربه", "fa"),
        ("Mädchen", "de"),
        ("123", "en"),
    ],
)
def test_guess_follows_script_and_letters(text: str, language: str) -> None:
    assert guess_language(text, LANGUAGES) == language


def test_guess_stays_within_the_languages_offered() -> None:
    assert guess_language("cat", ["ko", "de"]) == "de"
    assert guess_language("고양이", ["de", "fr"]) in ("de", "fr")
    assert guess_language("猫", ["en", "ja"]) == "ja"
    with pytest.raises(MmfeatError, match="no language to choose"):
        guess_language("cat", [])


def test_guess_is_right_for_nearly_all_names_of_languages_with_a_script_of_their_own() -> None:
    for language in ("ko", "ru"):
        names = [emoji.names[language] for emoji in load_emoji()]
        letters = [name for name in names if script_of(name) != "Zyyy"]
        right = sum(guess_language(name, LANGUAGES) == language for name in letters)
        assert right / len(letters) > 0.95


def test_languages_of_the_bundled_corpus_have_names() -> None:
    names = [language_name(tag) for tag in LANGUAGES]
    assert len(set(names)) == 14 and not set(names) & set(LANGUAGES)
    assert language_name("ko") == "한국어"
    assert language_name("quz") == "quz"
