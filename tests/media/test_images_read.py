"""What ``read_image`` makes of every format, mode, orientation and colour profile."""

import io
import os
import struct
import threading
import warnings
import zlib

import cv2
import numpy as np
import pillow_heif
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow
from PIL import ImageCms

from sightline.media.images import image_info, read_image
from sightline.media.pixels import to_eight_bits, upright

LOSSLESS = ("PNG", "TIFF", "BMP", "WEBP")


def smooth(width=48, height=32):
    """A picture of broad colours that survives every lossy codec: four flat quarters, red at the top left."""
    image = np.empty((height, width, 3), np.uint8)
    top, left = height // 2, width // 2
    image[:top, :left], image[:top, left:] = (200, 30, 30), (30, 180, 40)
    image[top:, :left], image[top:, left:] = (40, 50, 190), (210, 200, 60)
    return image


def encoded(picture, fmt, **options):
    out = io.BytesIO()
    if fmt == "HEIF":
        pillow_heif.from_pillow(picture).save(out, quality=95, **options)
    else:
        picture.save(out, fmt, **options)
    return out.getvalue()


def exif_orientation(value):
    exif = Pillow.Exif()
    exif[0x0112] = value
    return exif.tobytes()


def png_chunk(name, body):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


@pytest.mark.parametrize("fmt", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF", "HEIF"])
def test_every_format_gives_rgb_of_the_right_colours(fmt):
    image = smooth()
    data = encoded(Pillow.fromarray(image), fmt, **({"lossless": True} if fmt == "WEBP" else {}))
    got = read_image(data)
    assert (got.dtype, got.shape, got.flags.c_contiguous, got.flags.writeable) == (np.uint8, image.shape, True, True)
    quarters = [(8, 12), (8, 36), (24, 12), (24, 36)]
    tolerance = 0 if fmt in LOSSLESS else 8
    for y, x in quarters:
        assert np.abs(got[y, x].astype(int) - image[y, x]).max() <= tolerance
    info = image_info(data)
    assert (info.format, info.size_wh, info.frames) == (fmt, (48, 32), 1)


@pytest.mark.parametrize("fmt", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied(fmt, orientation):
    """The stored picture is the upright one turned back; the red quarter must land at the top left again."""
    want = smooth()
    undo = {5: 5, 6: 8, 7: 7, 8: 6}.get(orientation, orientation)
    stored = upright(want, undo)
    options = {"lossless": True} if fmt == "WEBP" else {"quality": 95} if fmt in ("JPEG", "AVIF") else {}
    data = encoded(Pillow.fromarray(stored), fmt, exif=exif_orientation(orientation), **options)
    got = read_image(data)
    assert got.shape == want.shape
    assert image_info(data).size_wh == (48, 32)
    for y, x in [(8, 12), (8, 36), (24, 12), (24, 36)]:
        assert np.abs(got[y, x].astype(int) - want[y, x]).max() <= 8, (y, x)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_agrees_with_pillow(orientation):
    image = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    from PIL import ImageOps

    picture = Pillow.fromarray(image)
    picture.getexif()[0x0112] = orientation
    np.testing.assert_array_equal(upright(image, orientation), np.asarray(ImageOps.exif_transpose(picture)))


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_senseless_orientation_is_taken_for_upright(value):
    assert read_image(encoded(Pillow.fromarray(smooth()), "JPEG", exif=exif_orientation(value))).shape == (32, 48, 3)


def test_compressed_tiff_is_turned_once():
    want = smooth()
    for compression in ("raw", "tiff_lzw", "tiff_adobe_deflate"):
        data = encoded(Pillow.fromarray(upright(want, 8)), "TIFF", compression=compression, exif=exif_orientation(6))
        np.testing.assert_array_equal(read_image(data), want)


MODES = {
    "1": [("PNG", 0), ("TIFF", 0), ("BMP", 0), ("GIF", 0)],
    "L": [("PNG", 0), ("JPEG", 3), ("TIFF", 0), ("BMP", 0), ("GIF", 0), ("WEBP", 4), ("AVIF", 6)],
    "LA": [("PNG", 0), ("TIFF", 0)],
    "P": [("PNG", 0), ("GIF", 0), ("TIFF", 0), ("BMP", 0)],
    "RGBA": [("PNG", 0), ("TIFF", 0), ("WEBP", 0), ("AVIF", 6), ("HEIF", 6)],
    "CMYK": [("JPEG", 8), ("TIFF", 0)],
    "YCbCr": [("JPEG", 8), ("TIFF", 3)],
    "LAB": [("TIFF", 14)],
}


@pytest.mark.parametrize(("mode", "fmt", "tolerance"), [(m, f, t) for m, fs in MODES.items() for f, t in fs])
def test_every_mode(mode, fmt, tolerance):
    """Compare with the colours Pillow itself says the picture had before it was stored."""
    flat = Pillow.new("RGB", (24, 16), (200, 60, 30))
    if mode == "LAB":
        picture = ImageCms.profileToProfile(flat, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB")
        want = np.array([200, 60, 30])
    else:
        picture = flat.convert(mode)
        want = np.asarray(picture.convert("RGB"))[8, 12].astype(int)
    got = read_image(encoded(picture, fmt, **({"lossless": True} if fmt == "WEBP" and mode == "RGBA" else {})))
    assert got.shape == (16, 24, 3)
    assert np.abs(got[8, 12].astype(int) - want).max() <= tolerance


@pytest.mark.parametrize("fmt", ["PNG", "TIFF", "WEBP", "AVIF", "HEIF"])
def test_alpha_is_laid_over_the_background(fmt):
    rgba = np.zeros((16, 24, 4), np.uint8)
    rgba[:, :, 0] = 255
    rgba[:, :12, 3] = 255
    data = encoded(Pillow.fromarray(rgba), fmt, **({"lossless": True} if fmt == "WEBP" else {}))
    white = read_image(data)
    np.testing.assert_allclose(white[8, 4], (255, 0, 0), atol=8)
    np.testing.assert_allclose(white[8, 20], (255, 255, 255), atol=8)
    np.testing.assert_allclose(read_image(data, background=(0, 0, 255))[8, 20], (0, 0, 255), atol=8)


def test_half_clear_alpha_is_mixed():
    rgba = np.full((4, 4, 4), (100, 0, 200, 128), np.uint8)
    got = read_image(encoded(Pillow.fromarray(rgba), "PNG"), background=(0, 0, 0))
    np.testing.assert_allclose(got[0, 0], (50, 0, 100), atol=1)


@pytest.mark.parametrize("transparency", [1, bytes([255, 0, 255])])
def test_clear_palette_entries(transparency):
    picture = Pillow.new("P", (4, 2), 1)
    picture.putpalette([10, 20, 30, 200, 100, 50, 0, 0, 0])
    picture.putpixel((0, 0), 0)
    got = read_image(encoded(picture, "PNG", transparency=transparency), background=(1, 2, 3))
    assert got[0, 0].tolist() == [10, 20, 30]
    assert got[1, 1].tolist() == [1, 2, 3]


@pytest.mark.parametrize(("mode", "transparency"), [("RGB", (9, 9, 9)), ("L", 9)])
def test_clear_key_colour(mode, transparency):
    picture = Pillow.new(mode, (4, 2), transparency)
    picture.putpixel((0, 0), 200 if mode == "L" else (200, 200, 200))
    got = read_image(encoded(picture, "PNG", transparency=transparency), background=(0, 255, 0))
    assert got[0, 0].tolist() == [200, 200, 200]
    assert got[1, 1].tolist() == [0, 255, 0]


def test_cmyk_jpeg_without_adobe_marker_is_not_inverted():
    data = encoded(Pillow.new("CMYK", (16, 16), (0, 0, 0, 0)), "JPEG", quality=95)
    assert read_image(data).min() > 247
    at = data.index(b"\xff\xee")
    plain = data[:at] + data[at + 2 + int.from_bytes(data[at + 2 : at + 4], "big") :]
    assert read_image(plain).max() < 8, "the same numbers mean full ink when no Adobe marker says they are inverted"


DEEP = np.array([[0, 1, 255, 256, 257], [32767, 32768, 65000, 65534, 65535]], np.uint16)


@pytest.mark.parametrize("fmt", ["PNG", "TIFF"])
def test_sixteen_bit_grey_is_scaled_not_clipped(fmt):
    got = read_image(encoded(Pillow.fromarray(DEEP), fmt))
    np.testing.assert_array_equal(got[:, :, 1], np.round(DEEP / 257))
    assert image_info(encoded(Pillow.fromarray(DEEP), fmt)).bits == 16


@pytest.mark.parametrize("fmt", ["png", "tiff"])
@pytest.mark.parametrize("channels", [3, 4])
def test_sixteen_bit_colour_is_scaled(fmt, channels):
    deep = np.zeros((4, 5, channels), np.uint16)
    deep[..., 2], deep[..., 1], deep[..., 0] = 65535, 30000, 5
    if channels == 4:
        deep[..., 3] = 65535
    ok, data = cv2.imencode("." + fmt, deep)
    assert ok
    np.testing.assert_allclose(read_image(data.tobytes())[2, 2], (255, 30000 / 257, 0), atol=1)


def deep_png(pixels, colour_type, key=b""):
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    head = png_chunk(b"IHDR", struct.pack(">IIBBBBB", pixels.shape[1], pixels.shape[0], 16, colour_type, 0, 0, 0))
    clear = png_chunk(b"tRNS", key) if key else b""
    return b"\x89PNG\r\n\x1a\n" + head + clear + png_chunk(b"IDAT", zlib.compress(rows)) + png_chunk(b"IEND", b"")


def test_sixteen_bit_pictures_with_clear_parts():
    grey = np.array([[[1000], [65535], [30000]]])
    assert read_image(deep_png(grey, 0, struct.pack(">H", 1000)), background=(0, 255, 0))[0].tolist() == [[0, 255, 0], [255] * 3, [117] * 3]
    colour = np.array([[[1000, 2000, 3000], [65535, 0, 0]]])
    keyed = deep_png(colour, 2, struct.pack(">HHH", 1000, 2000, 3000))
    assert read_image(keyed, background=(0, 255, 0))[0].tolist() == [[0, 255, 0], [255, 0, 0]]
    with_alpha = np.array([[[40000, 65535], [40000, 32768], [40000, 0]]])
    assert read_image(deep_png(with_alpha, 4), background=(0, 0, 0))[0, :, 0].tolist() == [156, 78, 0]


def test_float_tiff_in_unit_range_and_beyond():
    unit = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)
    np.testing.assert_array_equal(read_image(encoded(Pillow.fromarray(unit), "TIFF"))[..., 0], np.floor(unit * 255 + 0.5))
    wide = unit * 400 - 100
    got = read_image(encoded(Pillow.fromarray(wide), "TIFF"))
    assert (got.min(), got.max()) == (0, 255)
    assert (np.diff(got[..., 0].ravel().astype(int)) > 0).all()


def test_float_colour_tiff():
    ok, data = cv2.imencode(".tiff", np.full((4, 6, 3), (0.0, 0.5, 1.0), np.float32))
    assert ok
    assert read_image(data.tobytes())[2, 2].tolist() == [255, 128, 0]


@given(
    values=st.lists(st.one_of(st.floats(width=32), st.integers(-(2**31), 2**31 - 1)), min_size=1, max_size=30),
    dtype=st.sampled_from([np.float32, np.int32, np.uint16]),
)
@settings(max_examples=80, deadline=None)
def test_deep_values_keep_their_order(values, dtype):
    if dtype != np.float32:
        values = [int(v) if np.isfinite(v) and abs(v) < 2**31 else 0 for v in values]
    array = np.asarray(values, np.float64).clip(0, 65535).astype(dtype) if dtype == np.uint16 else np.asarray(values, np.float64)
    array = array.astype(np.int64).clip(-(2**31), 2**31 - 1).astype(np.int32) if dtype == np.int32 else array.astype(dtype)
    eight = to_eight_bits(array)
    finite = np.isfinite(array.astype(np.float64))
    order = np.argsort(array[finite], kind="stable")
    assert (np.diff(eight[finite][order].astype(int)) >= 0).all()
    assert (eight[~finite] == 0).all()


def matrix_profile(red, green, blue, gamma=2.2):
    """A display profile (ICC.1, 8.3) from the XYZ (D50) of its primaries and a gamma."""

    def fixed(value):
        return struct.pack(">i", round(value * 65536))

    def xyz(values):
        return b"XYZ " + bytes(4) + b"".join(fixed(v) for v in values)

    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)
    text = b"test"
    name = b"desc" + bytes(4) + struct.pack(">I", len(text) + 1) + text + bytes(1) + bytes(78)
    tags = [(b"desc", name), (b"wtpt", xyz((0.9642, 1, 0.8249))), (b"rXYZ", xyz(red)), (b"gXYZ", xyz(green)), (b"bXYZ", xyz(blue))]
    tags += [(t, curve) for t in (b"rTRC", b"gTRC", b"bTRC")]
    table, body, at = struct.pack(">I", len(tags)), b"", 132 + 12 * len(tags)
    for tag, value in tags:
        value += bytes(-len(value) % 4)
        table += tag + struct.pack(">II", at + len(body), len(value))
        body += value
    size = 128 + len(table) + len(body)
    head = struct.pack(">I", size) + bytes(4) + b"\x02\x20\0\0" + b"mntrRGB XYZ " + bytes(12) + b"acsp" + bytes(28)
    head += fixed(0.9642) + fixed(1) + fixed(0.8249)
    return head.ljust(128, b"\0") + table + body


# Display P3 primaries adapted to D50 (SMPTE EG 432-1)
P3 = matrix_profile((0.5151, 0.2412, -0.0011), (0.2920, 0.6922, 0.0419), (0.1571, 0.0666, 0.7841))
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.mark.parametrize("fmt", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
def test_wide_gamut_profile_moves_colours_outwards(fmt):
    """(200, 80, 80) of Display P3 is a stronger red than the same numbers of sRGB: more red, less green."""
    picture = Pillow.new("RGB", (16, 16), (200, 80, 80))
    options = {"lossless": True} if fmt == "WEBP" else {}
    if fmt == "HEIF":
        picture.info["icc_profile"] = P3
        data = encoded(picture, fmt)
    else:
        data = encoded(picture, fmt, icc_profile=P3, **options)
    got = read_image(data)[8, 8].astype(int)
    assert got[0] > 208
    assert got[1] < 72
    assert image_info(data).has_icc


@pytest.mark.parametrize("fmt", ["JPEG", "PNG", "WEBP"])
def test_srgb_profile_changes_nothing(fmt):
    image = np.random.default_rng(0).integers(0, 256, (16, 24, 3), dtype=np.uint8)
    picture = Pillow.fromarray(image)
    options = {"lossless": True} if fmt == "WEBP" else {}
    with_profile = read_image(encoded(picture, fmt, icc_profile=SRGB, **options))
    np.testing.assert_array_equal(with_profile, read_image(encoded(picture, fmt, **options)))


@pytest.mark.parametrize("fmt", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("profile", [b"no profile at all", P3[:200], P3[:128] + bytes(400)], ids=["text", "cut", "blank"])
def test_broken_profile_is_ignored_with_a_log_line(fmt, profile, caplog):
    image = smooth()
    options = {"lossless": True} if fmt == "WEBP" else {"quality": 95} if fmt == "JPEG" else {}
    got = read_image(encoded(Pillow.fromarray(image), fmt, icc_profile=profile, **options))
    assert np.abs(got[8, 12].astype(int) - image[8, 12]).max() <= 4
    assert "colour profile is ignored" in caplog.text


def test_profile_of_another_colour_space_is_ignored(caplog):
    got = read_image(encoded(Pillow.new("L", (8, 8), 90), "PNG", icc_profile=P3))
    assert (got == 90).all()
    assert "colour profile is ignored" in caplog.text


def cmyk_profile():
    """A press (ICC.1:2010, 10.9: lut8Type) whose first ink prints red on white paper, whatever the others do."""
    clut = b"".join(bytes((140, 200, 190)) if i & 8 else bytes((255, 128, 128)) for i in range(16))
    identity = bytes(range(256))
    matrix = struct.pack(">9i", *[round(v * 65536) for v in (1, 0, 0, 0, 1, 0, 0, 0, 1)])
    lut = b"mft1" + bytes(4) + bytes((4, 3, 2, 0)) + matrix + identity * 4 + clut + identity * 3
    name = b"desc" + bytes(4) + struct.pack(">I", 5) + b"test" + bytes(1) + bytes(78)
    white = b"XYZ " + bytes(4) + struct.pack(">3i", *[round(v * 65536) for v in (0.9642, 1, 0.8249)])
    table, body, tags = struct.pack(">I", 3), b"", ((b"A2B0", lut), (b"desc", name), (b"wtpt", white))
    for tag, value in tags:
        value += bytes(-len(value) % 4)
        table += tag + struct.pack(">II", 132 + 36 + len(body), len(value))
        body += value
    head = struct.pack(">I", 128 + len(table) + len(body)) + bytes(4) + b"\x02\x20\0\0" + b"prtrCMYKLab " + bytes(12) + b"acsp" + bytes(28)
    return (head + struct.pack(">3i", 63190, 65536, 54061)).ljust(128, b"\0") + table + body


@pytest.mark.parametrize("fmt", ["JPEG", "TIFF"])
def test_cmyk_goes_through_its_profile(fmt):
    data = encoded(Pillow.new("CMYK", (16, 16), (255, 0, 0, 0)), fmt, icc_profile=cmyk_profile())
    red, green, _ = read_image(data)[8, 8].astype(int)
    assert red > 180 > 80 > green, "this press prints red where a plain one prints cyan"
    assert read_image(encoded(Pillow.new("CMYK", (16, 16), (255, 0, 0, 0)), fmt))[8, 8, 0] < 10


def test_first_frame_of_animations():
    red, blue = Pillow.new("RGB", (12, 8), (250, 0, 0)), Pillow.new("RGB", (12, 8), (0, 0, 250))
    for fmt in ("GIF", "WEBP", "PNG", "TIFF", "AVIF"):
        data = encoded(red, fmt, save_all=True, append_images=[blue])
        np.testing.assert_allclose(read_image(data)[4, 6], (250, 0, 0), atol=8)
        assert image_info(data).frames == 2, fmt


def test_plain_jpeg_has_exactly_the_pixels_pillow_has():
    rng = np.random.default_rng(1)
    image = cv2.GaussianBlur(rng.integers(0, 256, (61, 83, 3), dtype=np.uint8), (0, 0), 2)
    for options in ({"subsampling": 0}, {"subsampling": 2}, {"progressive": True}, {"restart_marker_rows": 1}):
        data = encoded(Pillow.fromarray(image), "JPEG", **options)
        np.testing.assert_array_equal(read_image(data), np.asarray(Pillow.open(io.BytesIO(data)).convert("RGB")))


def test_mid_grey_jpeg_is_not_taken_for_damaged():
    assert (read_image(encoded(Pillow.new("RGB", (64, 64), (128, 128, 128)), "JPEG")) == 128).all()


def test_jpeg_with_a_second_picture_and_text_behind_it():
    first = encoded(Pillow.fromarray(smooth()), "JPEG", quality=95)
    second = encoded(Pillow.new("RGB", (8, 8)), "JPEG")
    np.testing.assert_array_equal(read_image(first + second + b"trailer"), read_image(first))


def test_sources_path_bytes_file(tmp_path):
    data = encoded(Pillow.fromarray(smooth()), "PNG")
    path = tmp_path / "a.png"
    path.write_bytes(data)
    want = read_image(data)
    with path.open("rb") as file:
        for source in (path, str(path), bytearray(data), memoryview(data), io.BytesIO(data), file):
            np.testing.assert_array_equal(read_image(source), want)


@pytest.mark.parametrize("name", ["with space.png", "图片 写真.png", "cat 😺.png", os.fsdecode(b"caf\xe9.png"), "wrong-ending.jpg", "none"])
def test_odd_names(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(encoded(Pillow.fromarray(smooth()), "PNG"))
    np.testing.assert_array_equal(read_image(path), smooth())


def test_one_pixel():
    for fmt in ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF"):
        assert read_image(encoded(Pillow.new("RGB", (1, 1), (9, 9, 9)), fmt)).shape == (1, 1, 3)


@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from(["PNG", "BMP", "TIFF"]), st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_lossless_formats_give_back_every_pixel(width, height, fmt, seed):
    image = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    np.testing.assert_array_equal(read_image(encoded(Pillow.fromarray(image), fmt)), image)


def test_threads_do_not_mix_pictures():
    pictures = [np.full((40 + i, 50, 3), 20 * i, np.uint8) for i in range(8)]
    files = [encoded(Pillow.fromarray(p), ("PNG", "TIFF")[i % 2], icc_profile=P3 if i % 3 == 0 else SRGB) for i, p in enumerate(pictures)]
    wanted = [read_image(file) for file in files]
    wrong = []

    def work(i):
        wrong.extend(i for _ in range(10) if not np.array_equal(read_image(files[i]), wanted[i]))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_picture_beyond_pillows_own_limit_neither_warns_nor_fails(monkeypatch):
    """Pillow's global limit belongs to the user's own use of Pillow."""
    monkeypatch.setattr(Pillow, "MAX_IMAGE_PIXELS", 100)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for fmt in ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "AVIF", "HEIF"):
            assert read_image(encoded(Pillow.fromarray(smooth()), fmt)).shape == (32, 48, 3)
    assert Pillow.MAX_IMAGE_PIXELS == 100
