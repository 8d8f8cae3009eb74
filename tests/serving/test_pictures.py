import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image

from src.images.fitting import fitted
from src.images.ground import border
from src.images.store import Images
from src.serving.pictures import FASHION_MNIST, ModelImages, read_picture

# A bright shape, off the middle, on black: what every variant below shows.
SHAPE = np.zeros((28, 28), np.uint8)
SHAPE[6:20, 10:16] = 200
SHAPE[6:10, 4:22] = 120


def saved(image: Any, kind: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def rgba(alpha: int) -> Any:
    """The shape, dark, before a transparent ground; opaque where it is."""
    layer = np.zeros((28, 28, 4), np.uint8)
    layer[..., :3] = 255 - SHAPE[..., None]
    layer[..., 3] = np.where(SHAPE > 0, 255, alpha)
    return Image.fromarray(layer)


def test_an_image_of_the_right_size_is_left_as_it_is() -> None:
    assert np.array_equal(read_picture(saved(Image.fromarray(SHAPE)), FASHION_MNIST, "auto"), SHAPE)


GREY = Image.fromarray(SHAPE)
VARIANTS = {
    "white ground": saved(Image.fromarray(255 - SHAPE)),
    "RGB": saved(GREY.convert("RGB")),
    "palette": saved(GREY.convert("P")),
    "16 bits": saved(Image.fromarray(SHAPE.astype(np.uint16) * 257)),
    "transparent ground": saved(rgba(0)),
    "transparent palette": saved(Image.fromarray(255 - SHAPE).convert("P"), transparency=0),
    "grey with alpha": saved(rgba(0).convert("LA")),
    "BMP": saved(GREY, "BMP"),
    "GIF": saved(GREY, "GIF"),
    "WebP": saved(GREY, "WEBP", lossless=True),
    "TIFF": saved(GREY, "TIFF"),
    "two frames": saved(GREY, "GIF", save_all=True, append_images=[Image.new("L", (28, 28))]),
}


@pytest.mark.parametrize("content", VARIANTS.values(), ids=VARIANTS)
def test_every_kind_of_picture_gives_the_same_image(content: bytes) -> None:
    assert read_picture(content, FASHION_MNIST, "auto").astype(int) == pytest.approx(SHAPE.astype(int), abs=2)


def test_black_and_white_is_taken() -> None:
    assert np.array_equal(
        read_picture(saved(Image.fromarray(SHAPE > 0)), FASHION_MNIST, "auto"), np.where(SHAPE > 0, 255, 0)
    )


def test_a_photograph_on_its_side_is_turned_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # taken with the camera turned: to be turned by 270 degrees
    content = saved(Image.fromarray(np.rot90(SHAPE)), "PNG", exif=exif)
    assert np.array_equal(read_picture(content, FASHION_MNIST, "auto"), SHAPE)


@pytest.mark.parametrize("factor", [1, 4])
def test_a_picture_of_another_shape_lies_in_the_middle_of_a_black_square(factor: int) -> None:
    wide = np.full((14 * factor, 28 * factor), 200, np.uint8)
    image = read_picture(saved(Image.fromarray(wide)), FASHION_MNIST, "black")
    assert (image[:7] == 0).all()
    assert (image[21:] == 0).all()
    assert (image[7:21] == 200).all()


@pytest.mark.parametrize("margin", [0, 40, 500])
def test_a_large_picture_is_cut_to_what_it_shows_and_shrunk(margin: int) -> None:
    shape = SHAPE[6:20, 4:22]
    large = np.pad(np.kron(shape, np.ones((20, 20), np.uint8)), margin)
    large[large == 0] = 10  # a ground that is not quite black
    image = read_picture(saved(Image.fromarray(large)), FASHION_MNIST, "black").astype(int)
    assert (image[:2] <= 10).all()  # 14 x 18 cells become 22 x 28 pixels
    assert (image[-2:] <= 10).all()
    assert image[4:8].mean() == pytest.approx(120, abs=12)
    assert image[12:24, 11:17].mean() == pytest.approx(200, abs=12)


def test_a_picture_of_nothing_is_black() -> None:
    assert not read_picture(saved(Image.new("L", (50, 60), 255)), FASHION_MNIST, "auto").any()
    assert read_picture(saved(Image.new("L", (50, 60), 9)), FASHION_MNIST, "black").max() <= 9


def test_the_ground_can_be_told() -> None:
    full = saved(Image.new("L", (28, 28), 250))
    assert [read_picture(full, FASHION_MNIST, ground)[5, 5] for ground in ("auto", "white", "black")] == [5, 5, 250]


def test_fashion_mnist_keeps_its_ground(fashion: Images) -> None:
    """Garments that fill their image have a bright border, and would be inverted; they are few."""
    inverted = np.mean([border(image) > 127 for image in fashion.x_test])
    assert inverted == 0


def png(width: int, height: int, rows: bytes) -> bytes:
    """A PNG by hand: a header that says width x height grey pixels, and these compressed rows."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


@pytest.mark.parametrize(("width", "height"), [(8000, 8000), (50_000, 50_000), (2**31 - 1, 2**31 - 1)])
def test_a_bomb_is_refused_before_it_unpacks(width: int, height: int) -> None:
    with pytest.raises(ValueError, match="pixels"):
        read_picture(png(width, height, b""), FASHION_MNIST, "auto")


DAMAGED = {
    "nothing": b"",
    "text": b"no picture",
    "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n",
    "half a PNG": saved(Image.fromarray(np.random.default_rng(0).integers(0, 256, (99, 99), dtype=np.uint8)))[:3000],
    "half a JPEG": saved(GREY.convert("RGB"), "JPEG")[:300],
    "no rows": png(28, 28, b""),
    "no pixels": png(0, 28, b""),
    "values below zero": saved(Image.fromarray(np.full((9, 9), -1.0, np.float32)), "TIFF"),
    "no number": saved(Image.fromarray(np.full((9, 9), np.nan, np.float32)), "TIFF"),
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_picture_is_a_value_error(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"^(is|has|image)"):
        read_picture(content, FASHION_MNIST, "auto")


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_pictures_with_any_bytes_changed_are_an_image_or_a_value_error() -> None:
    rng, refused = np.random.default_rng(0), 0
    contents = [*VARIANTS.values(), saved(GREY.convert("RGB"), "JPEG")]
    for number in range(1000):
        content = bytearray(contents[number % len(contents)])
        for place in rng.integers(0, len(content), rng.integers(1, 9)):
            content[place] = rng.integers(0, 256)
        try:
            assert read_picture(bytes(content), FASHION_MNIST, "auto").shape == (28, 28)
        except ValueError:
            refused += 1
    assert 100 < refused < 1000


@pytest.mark.parametrize("fit", ["pad", "crop", "stretch"])
def test_for_a_model_of_pictures_one_becomes_what_fetch_made_of_it(fit: Any) -> None:
    rng = np.random.default_rng(1)
    colored = Image.fromarray(rng.integers(0, 256, (20, 31, 3), dtype=np.uint8))
    for shape, mode in (((8, 8, 3), "RGB"), ((8, 8), "L")):
        image = read_picture(saved(colored), ModelImages(shape, fit), "auto")
        assert np.array_equal(image, fitted(colored.convert(mode), 8, fit))
        assert image.shape == shape
