from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from skimage import color as reference

from sightline.core import colour
from sightline.core.errors import InvalidInputError

PICTURE = np.random.default_rng(0).integers(0, 256, (16, 9, 3), np.uint8)
unit_pictures = hnp.arrays(np.float32, (3, 4, 3), elements=st.floats(0, 1, width=32))


def test_lab_agrees_with_scikit_image() -> None:
    np.testing.assert_allclose(colour.rgb_to_lab(PICTURE), reference.rgb2lab(PICTURE), atol=0.05)


def test_hsv_agrees_with_scikit_image() -> None:
    expected = reference.rgb2hsv(PICTURE) * [360, 1, 1]
    np.testing.assert_allclose(colour.rgb_to_hsv(PICTURE), expected, atol=1e-3)


@pytest.mark.parametrize(
    ("there", "back"),
    [
        (colour.rgb_to_lab, colour.lab_to_rgb),
        (colour.rgb_to_hsv, colour.hsv_to_rgb),
        (colour.rgb_to_ycbcr, colour.ycbcr_to_rgb),
        (colour.srgb_to_linear, colour.linear_to_srgb),
    ],
)
@given(picture=unit_pictures)
def test_there_and_back(there, back, picture: np.ndarray) -> None:
    np.testing.assert_allclose(back(there(picture)), picture, atol=2e-3)


@pytest.mark.parametrize("function", [colour.luma, colour.rgb_to_lab, colour.rgb_to_hsv, colour.rgb_to_ycbcr, colour.srgb_to_linear])
@pytest.mark.parametrize("shape", [(0, 3), (3,), (1, 1, 3), (5, 4, 3), (2, 3, 4, 3)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_shapes_and_dtypes(function, shape: tuple[int, ...], dtype: type) -> None:
    result = function(np.ones(shape, dtype))
    assert result.dtype == np.float32
    assert result.shape == (shape[:-1] if function is colour.luma else shape)


@pytest.mark.parametrize("bad", [np.zeros((3, 4)), np.zeros((2, 2, 3), np.int32), np.float32(1)])
def test_refuses_what_is_no_rgb(bad: np.ndarray) -> None:
    with pytest.raises(InvalidInputError):
        colour.rgb_to_hsv(bad)


def test_luma_weights_and_names() -> None:
    primaries = np.eye(3)
    np.testing.assert_allclose(colour.luma(primaries), [0.299, 0.587, 0.114], atol=1e-6)
    np.testing.assert_allclose(colour.luma(primaries, "bt709"), [0.2126, 0.7152, 0.0722], atol=1e-6)
    with pytest.raises(InvalidInputError, match="bt601"):
        colour.luma(primaries, "bt2020")


def test_uint8_rounds_and_clips() -> None:
    assert colour.to_uint8(np.array([-1, 0, 0.5, 1, 2])).tolist() == [0, 0, 128, 255, 255]
    every = np.arange(256, dtype=np.uint8).repeat(3).reshape(256, 3)
    np.testing.assert_array_equal(colour.to_uint8(colour.to_unit(every)), every)


def test_mid_grey_in_linear_light() -> None:
    assert colour.srgb_to_linear(np.full(3, 188, np.uint8))[0] == pytest.approx(0.5029, abs=1e-3)
