"""Pictures from strangers."""

from __future__ import annotations

import contextlib
import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmfeat.corpus.pictures import (
    PictureError,
    decode,
    load_picture,
    picture_hash,
    thumbnail,
)


def encoded(image: Image.Image, form: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def bomb(width: int, height: int) -> bytes:
    """Build a tiny PNG whose header states a huge size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.fixture
def photo() -> Image.Image:
    y, x = np.mgrid[0:30, 0:40]
    return Image.fromarray(np.stack([6 * x, 8 * y, 3 * (x + y)], -1).astype(np.uint8))


@pytest.mark.parametrize("form", ["PNG", "BMP", "TIFF"])
def test_lossless_formats_keep_every_pixel(photo: Image.Image, form: str) -> None:
    np.testing.assert_array_equal(np.asarray(decode(encoded(photo, form))), np.asarray(photo))


@pytest.mark.parametrize("form", ["JPEG", "WEBP"])
def test_lossy_formats_come_close(photo: Image.Image, form: str) -> None:
    difference = np.asarray(decode(encoded(photo, form, quality=95))).astype(int) - photo
    assert np.abs(difference).mean() < 4


def test_greyscale_has_three_equal_channels() -> None:
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    rgb = np.asarray(decode(encoded(Image.fromarray(grey))))
    for channel in range(3):
        np.testing.assert_array_equal(rgb[..., channel], grey)


def test_sixteen_bit_greys_are_scaled_not_clipped() -> None:
    grey = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    for form in ("PNG", "TIFF"):
        rgb = np.asarray(decode(encoded(Image.fromarray(grey), form)))
        np.testing.assert_array_equal(rgb[..., 0], np.round(grey / 257).astype(np.uint8))


def test_cmyk_becomes_rgb() -> None:
    red = Image.new("CMYK", (8, 8), (0, 255, 255, 0))
    pixel = np.asarray(decode(encoded(red, "JPEG", quality=95)))[4, 4]
    assert pixel[0] > 200 and pixel[1] < 60 and pixel[2] < 60


def test_transparency_is_laid_on_white(photo: Image.Image) -> None:
    clear = photo.convert("RGBA")
    clear.putpixel((0, 0), (0, 0, 0, 0))
    clear.putpixel((1, 0), (255, 0, 0, 128))
    pixels = np.asarray(decode(encoded(clear)))
    assert pixels[0, 0].tolist() == [255, 255, 255]
    np.testing.assert_allclose(pixels[0, 1], [255, 127, 127], atol=1)


def test_palette_with_a_transparent_colour_is_laid_on_white() -> None:
    palette = Image.new("P", (4, 4), 0)
    palette.putpalette([0, 0, 0, 10, 200, 30] + [0] * 762)
    palette.putpixel((2, 2), 1)
    for form in ("PNG", "GIF"):
        pixels = np.asarray(decode(encoded(palette, form, transparency=0)))
        assert pixels[0, 0].tolist() == [255, 255, 255]
        assert pixels[2, 2].tolist() == [10, 200, 30]


def test_grey_with_alpha_is_laid_on_white() -> None:
    pixels = np.asarray(decode(encoded(Image.new("LA", (2, 2), (0, 0)))))
    assert (pixels == 255).all()


@pytest.mark.parametrize(("orientation", "turn"), [(3, 180), (6, 270), (8, 90)])
def test_exif_rotation_is_applied(photo: Image.Image, orientation: int, turn: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    upright = decode(encoded(photo, "PNG", exif=exif))
    np.testing.assert_array_equal(np.asarray(upright), np.asarray(photo.rotate(turn, expand=True)))


def test_broken_exif_does_not_lose_the_picture(photo: Image.Image) -> None:
    picture = decode(encoded(photo, "JPEG", exif=b"Exif\0\0MM\0*\0\0\xff\xff\0\1"))
    assert picture.size == photo.size


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG"])
def test_of_an_animation_the_first_frame_is_taken(form: str) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue", "green")]
    options = {"lossless": True} if form == "WEBP" else {}
    data = encoded(frames[0], form, save_all=True, append_images=frames[1:], **options)
    assert decode(data).getpixel((3, 3)) == (255, 0, 0)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "BMP"])
def test_truncated_pictures_are_refused(form: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    data = encoded(Image.fromarray(noise), form)
    with pytest.raises(PictureError, match=r"is truncated|is broken|not a readable picture"):
        decode(data[: len(data) // 2])


def test_each_defect_has_its_own_reason(photo: Image.Image) -> None:
    for data, reason in [
        (b"", "is empty (zero bytes)"),
        (b"<html>404</html>", "is not a readable picture"),
        (encoded(photo)[:60], "is truncated"),
        (bomb(30_000, 30_000), "has more than 64,000,000 pixels"),
        (bomb(9_000, 8_000), "has more than 64,000,000 pixels"),
        (encoded(Image.new("F", (4, 4)), "TIFF"), "has 32-bit pixels"),
    ]:
        with pytest.raises(PictureError) as error:
            decode(data, "cat.png")
        assert error.value.reason.startswith(reason)
        assert str(error.value) == f"cat.png {error.value.reason}."


def test_other_formats_are_not_even_tried(photo: Image.Image) -> None:
    for form in ("PPM", "ICO", "PDF"):
        with pytest.raises(PictureError, match="not a readable picture"):
            decode(encoded(photo, form))


def test_hostile_bytes_never_escape_as_another_error(photo: Image.Image) -> None:
    generator = np.random.default_rng(1)
    for form in ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF"):
        data = encoded(photo, form)
        for _ in range(60):
            broken = bytearray(data)
            for place in generator.integers(8, len(data), 6):
                broken[place] = generator.integers(256)
            with contextlib.suppress(PictureError):
                assert decode(bytes(broken)).mode == "RGB"


def test_hash_depends_on_pixels_and_shape_alone(photo: Image.Image) -> None:
    assert picture_hash(decode(encoded(photo))) == picture_hash(decode(encoded(photo, "BMP")))
    changed = photo.copy()
    changed.putpixel((5, 5), (1, 2, 3))
    assert picture_hash(changed) != picture_hash(photo)
    assert picture_hash(Image.new("RGB", (4, 2))) != picture_hash(Image.new("RGB", (2, 4)))
    assert len(picture_hash(photo)) == 16


def test_thumbnail_fits_and_keeps_the_proportions(photo: Image.Image) -> None:
    wide = Image.open(io.BytesIO(thumbnail(photo.resize((400, 200)))))
    assert wide.format == "PNG" and wide.size == (96, 48)
    assert Image.open(io.BytesIO(thumbnail(photo))).size == photo.size  # never enlarged
    assert Image.open(io.BytesIO(thumbnail(Image.new("RGB", (5000, 1))))).size == (96, 1)


def test_pictures_are_loaded_from_names_with_spaces_and_hangul(
    tmp_path: Path, photo: Image.Image
) -> None:
    (tmp_path / "사진 모음").mkdir()
    photo.save(tmp_path / "사진 모음" / "고양이 1.png")
    loaded = load_picture("사진 모음/고양이 1.png", tmp_path)
    assert picture_hash(loaded) == picture_hash(photo)


@pytest.mark.parametrize(
    "reference",
    [
        "../secret.png",
        "a/../../secret.png",
        "/etc/passwd",
        "..\\secret.png",
        "C:\\x.png",
        "\\x.png",
    ],
)
def test_paths_that_leave_the_folder_are_refused(
    tmp_path: Path, photo: Image.Image, reference: str
) -> None:
    photo.save(tmp_path / "secret.png")
    (tmp_path / "root").mkdir()
    with pytest.raises(PictureError, match="lies outside"):
        load_picture(reference, tmp_path / "root")


def test_links_that_leave_the_folder_are_refused(tmp_path: Path, photo: Image.Image) -> None:
    photo.save(tmp_path / "secret.png")
    root = tmp_path / "root"
    root.mkdir()
    (root / "link.png").symlink_to(tmp_path / "secret.png")
    with pytest.raises(PictureError, match="lies outside"):
        load_picture("link.png", root)
    photo.save(root / "inside.png")
    (root / "own.png").symlink_to(root / "inside.png")
    assert load_picture("own.png", root).size == photo.size


def test_missing_files_folders_and_pipes_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "folder.png").mkdir()
    for reference, reason in [
        ("none.png", "is missing"),
        ("folder.png", "is not a file"),
        ("pipe.png", "is not a file"),
        ("a\0b.png", "is not a path"),
        ("", "is not a path"),
        ("x" * 5000, "cannot be read"),
    ]:
        with pytest.raises(PictureError, match=reason):
            load_picture(reference, tmp_path)


def test_openmoji_is_drawn_at_the_size_asked_for() -> None:
    assert load_picture("openmoji:1F947.svg", None).size == (96, 96)
    assert load_picture("openmoji:1F947.svg", None, 32).size == (32, 32)
    for reference in ("openmoji:../x.svg", "openmoji:1F947.png", "openmoji:FFFFFF.svg"):
        with pytest.raises(PictureError, match="not among the OpenMoji"):
            load_picture(reference, None)
