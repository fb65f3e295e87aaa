"""Notes as a table for spreadsheets and other programs, and back."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from pathlib import Path

from mmfeat.errors import MmfeatError
from mmfeat.files import whole_file
from mmfeat_gui.resources.strings import tr
from mmfeat_gui.state.notes import SEPARATOR, Note, tags_of

COLUMNS = ("feature", "name", "comment", "tags", "starred", "reviewed", "of")
_LARGEST = 64 << 20  # bytes
_MARK = 12  # signs of a fingerprint that stand in the table
_FLAGS = {"true": True, "1": True, "yes": True, "": False, "false": False, "0": False, "no": False}
# A spreadsheet would run such a text; an apostrophe before it keeps it from that.
_FORMULA = re.compile(r"'*[=+\-@\t\r]")


def write(file: Path, fingerprint: str, notes: Mapping[int, Note]) -> int:
    """Write notes as UTF-8 CSV, a row a feature, and return how many rows.

    Columns are `COLUMNS`: tags are separated by semicolons, flags are ``true`` or empty, ``of``
    is the beginning of the fingerprint of the features. A text that a spreadsheet would compute
    has an apostrophe before it, which `read` takes away again.

    Raises
    ------
    MmfeatError
        If it cannot be written there.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    rows = [(feature, notes[feature]) for feature in sorted(notes) if notes[feature]]
    for feature, note in rows:
        tags = f"{SEPARATOR} ".join(note.tags)
        texts = [_guarded(own) for own in (note.name, note.comment, tags)]
        flags = ["true" if flag else "" for flag in (note.starred, note.reviewed)]
        writer.writerow([feature, *texts, *flags, fingerprint[:_MARK]])
    try:
        with whole_file(file) as temporary:
            # The mark of byte order: without it spreadsheets take UTF-8 for something else.
            temporary.write_bytes(text.getvalue().encode("utf-8-sig", "replace"))
    except OSError as error:
        reason = error.strerror or str(error)
        raise MmfeatError(tr("notes.error_write", file=file.name, reason=reason)) from None
    return len(rows)


def read(file: Path, fingerprint: str, d_sae: int) -> dict[int, Note]:
    """Read notes from CSV with a column ``feature`` and any of the other `COLUMNS`.

    Raises
    ------
    MmfeatError
        If it is no such table, names a feature that does not exist or twice, or is on the
        features of another SAE.
    """
    name = file.name
    try:
        with file.open("rb") as handle:
            data = handle.read(_LARGEST + 1)
        if len(data) > _LARGEST:
            raise MmfeatError(tr("notes.error_large", file=name, size=_LARGEST >> 20))
        rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True))
    except OSError as error:
        reason = error.strerror or str(error)
        raise MmfeatError(tr("notes.error_read", file=name, reason=reason)) from None
    except (UnicodeDecodeError, csv.Error):
        raise MmfeatError(tr("notes.error_csv", file=name)) from None
    header = [cell.strip().casefold() for cell in rows[0]] if rows else []
    if "feature" not in header or len(set(header)) < len(header):
        raise MmfeatError(tr("notes.error_csv", file=name))
    found: dict[int, Note] = {}
    for line, row in enumerate(rows[1:], 2):
        if not any(row):
            continue
        cells = dict(zip(header, row, strict=False))
        feature, note = _row(cells)
        if len(row) > len(header) or note is None or feature in found:
            raise MmfeatError(tr("notes.error_row", file=name, row=line))
        if not 0 <= feature < d_sae:
            raise MmfeatError(tr("notes.error_feature", file=name, row=line, last=d_sae - 1))
        if cells.get("of", "").strip() not in ("", fingerprint[:_MARK]):
            raise MmfeatError(tr("notes.error_foreign", file=name))
        found[feature] = note
    return found


def _row(cells: Mapping[str, str]) -> tuple[int, Note | None]:
    """Return the feature of a row and its note, which is None where it cannot be understood."""
    number = cells["feature"].strip() if "feature" in cells else ""
    flags = [_FLAGS.get(cells.get(key, "").strip().casefold()) for key in ("starred", "reviewed")]
    if not (number.isascii() and number.isdigit() and len(number) < 10) or None in flags:
        return -1, None
    name, comment, tags = (_bare(cells.get(key, "")) for key in ("name", "comment", "tags"))
    return int(number), Note.of(name, comment, tags_of(tags), bool(flags[0]), bool(flags[1]))


def _guarded(text: str) -> str:
    return f"'{text}" if _FORMULA.match(text) else text


def _bare(text: str) -> str:
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text
