"""Fonts that together write every language of a corpus, in the order they are tried."""

from __future__ import annotations

# One of each line is enough. DejaVu Sans comes with matplotlib and draws what no other has.
FAMILIES: dict[str, tuple[str, ...]] = {
    "Latin, Greek and Cyrillic": ("Noto Sans", "DejaVu Sans"),
    "Arabic": ("Noto Sans Arabic", "Noto Naskh Arabic", "Geeza Pro", "Segoe UI", "DejaVu Sans"),
    "Chinese, Japanese and Korean": (
        "Noto Sans CJK SC",
        "Noto Sans CJK JP",
        "Noto Sans CJK KR",
        "Noto Sans CJK TC",
        "Hiragino Sans GB",
        "Apple SD Gothic Neo",
        "Microsoft YaHei",
        "Malgun Gothic",
    ),
}


def _installed() -> set[str]:
    from matplotlib import font_manager

    return {font.name for font in font_manager.fontManager.ttflist}


def families() -> list[str]:
    """Return matplotlib's fallback list: the families of `FAMILIES` that this machine has."""
    have = _installed()
    wanted = dict.fromkeys(name for names in FAMILIES.values() for name in names)
    # The last resort comes last, or its Arabic would stand before a better one.
    last = "DejaVu Sans"
    return [name for name in wanted if name in have and name != last] + [last]


def missing() -> list[str]:
    """Return the scripts of `FAMILIES` for which this machine has no font."""
    have = _installed()
    return [script for script, names in FAMILIES.items() if have.isdisjoint(names)]
