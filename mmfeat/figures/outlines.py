"""Fonts in PDF: Type 42 holds TrueType outlines, and many fonts of Han and Hangul have others.

matplotlib embeds a font of PostScript outlines (CFF) as if it were TrueType: programs that read
the file find its letters, and draw none or wrong ones. Its outlines are converted instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_ERROR = 1e-3  # of the em: how far a converted outline may be off


@contextmanager
def truetype() -> Iterator[None]:
    """Have matplotlib embed every font with TrueType outlines while this lasts."""
    from matplotlib.backends import _backend_pdf_ps

    backend: Any = _backend_pdf_ps
    subset = backend.get_glyphs_subset

    @contextmanager
    def converted(*given: Any) -> Iterator[Any]:
        with subset(*given) as found:
            _convert(found.font)
            yield found

    backend.get_glyphs_subset = converted
    try:
        yield
    finally:
        backend.get_glyphs_subset = subset


def _convert(font: Any) -> None:
    """Turn the outlines of a font into quadratic ones, glyph by glyph, in place."""
    from fontTools.pens.cu2quPen import Cu2QuPen  # type: ignore[import-untyped]  # no stubs
    from fontTools.pens.ttGlyphPen import TTGlyphPen  # type: ignore[import-untyped]  # no stubs
    from fontTools.ttLib import newTable  # type: ignore[import-untyped]  # no stubs

    if "glyf" in font:
        return
    names, shapes, glyphs = font.getGlyphOrder(), font.getGlyphSet(), {}
    for name in names:
        pen = TTGlyphPen(None)
        shapes[name].draw(Cu2QuPen(pen, _ERROR * font["head"].unitsPerEm, reverse_direction=True))
        glyphs[name] = pen.glyph()
    font["loca"], font["glyf"] = newTable("loca"), newTable("glyf")
    font["glyf"].glyphOrder, font["glyf"].glyphs = names, glyphs
    for table in ("CFF ", "CFF2", "VORG"):
        if table in font:
            del font[table]
    for name, glyph in glyphs.items():
        glyph.recalcBounds(font["glyf"])
        font["hmtx"][name] = font["hmtx"][name][0], glyph.xMin
    largest = font["maxp"]
    largest.tableVersion = 0x00010000
    for field in (
        "maxTwilightPoints", "maxStorage", "maxFunctionDefs", "maxInstructionDefs",
        "maxStackElements", "maxSizeOfInstructions", "maxComponentElements", "maxPoints",
        "maxContours", "maxCompositePoints", "maxCompositeContours", "maxComponentDepth",
    ):  # fmt: skip
        setattr(largest, field, 0)
    largest.maxZones = 1
    font["post"].formatType = 3.0
    font["head"].glyphDataFormat = 0
    font.sfntVersion = "\x00\x01\x00\x00"
