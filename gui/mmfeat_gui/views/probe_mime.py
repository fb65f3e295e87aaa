"""Pictures and texts that are dropped or pasted."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QMimeData
from PySide6.QtGui import QImage, QImageWriter, QPainter

from mmfeat.corpus.pictures import MAX_BYTES, MAX_PIXELS, PictureError, too_many_bytes
from mmfeat_gui.resources.strings import tr
from mmfeat_gui.state.sources import PictureSource, Source, TextSource

_ENCODED = ("image/png", "image/jpeg", "image/webp", "image/gif", "image/bmp", "image/tiff")
_ATLASES = (".h5", ".hdf5")  # dropped on the window, they are opened


def source_of(mime: QMimeData | None) -> Source | None:
    """Return the picture or text that was dropped or pasted; None where there is neither.

    A picture is taken as it is encoded, and is decoded where nothing of the window is.

    Raises
    ------
    PictureError
        If it is too large.
    """
    if mime is None:  # the clipboard of some platforms, when it is empty
        return None
    for url in mime.urls():
        if url.isLocalFile():
            path = Path(url.toLocalFile())
            return None if path.suffix in _ATLASES else PictureSource(path.name, path)
    for form in _ENCODED:
        if mime.hasFormat(form):
            data = bytes(mime.data(form).data())
            if len(data) > MAX_BYTES:
                raise too_many_bytes(tr("probe.pasted"))
            return PictureSource(tr("probe.pasted"), data=data)
    if mime.hasImage():
        image = mime.imageData()
        if isinstance(image, QImage) and not image.isNull():
            return PictureSource(tr("probe.pasted"), data=encoded(image))
    if mime.hasText() and mime.text().strip():
        return TextSource(mime.text().strip())
    return None


def may_be_source(mime: QMimeData) -> bool:
    """Return whether what is dragged may be a picture or text, without taking it."""
    files = [Path(url.toLocalFile()) for url in mime.urls() if url.isLocalFile()]
    if files:
        return files[0].suffix not in _ATLASES
    return mime.hasImage() or mime.hasText() or any(mime.hasFormat(form) for form in _ENCODED)


def is_picture(mime: QMimeData) -> bool:
    """Return whether what is pasted is a picture rather than text."""
    return (
        mime.hasImage()
        or any(url.isLocalFile() for url in mime.urls())
        or any(mime.hasFormat(form) for form in _ENCODED)
    )


def encoded(image: QImage) -> bytes:
    """Return a picture of Qt's as a BMP, on white; that takes no time to compress.

    Raises
    ------
    PictureError
        If it has more pixels than pictures may have.
    """
    if image.width() * image.height() > MAX_PIXELS:
        raise PictureError(
            f"has more than {MAX_PIXELS:,} pixels; make it smaller", tr("probe.pasted")
        )
    drawn = QImage(image.size(), QImage.Format.Format_RGB888)
    drawn.fill(0xFFFFFFFF)
    painter = QPainter(drawn)
    painter.drawImage(0, 0, image)
    painter.end()
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    QImageWriter(buffer, QByteArray(b"BMP")).write(drawn)
    return bytes(buffer.data().data())
