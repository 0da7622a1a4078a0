"""Colour profiles: from what a picture says its numbers mean to sRGB."""

from __future__ import annotations

import functools
import io
import logging
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image as PillowImage
    from PIL.ImageCms import ImageCmsTransform

_log = logging.getLogger(__name__)

_SPACES = {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK", "LAB": "Lab"}


def to_srgb(picture: PillowImage, icc: bytes | None, source: str) -> PillowImage:
    """Return a picture of mode ``L``, ``RGB``, ``CMYK`` or ``LAB`` as sRGB ``RGB``.

    Without a profile grey and RGB numbers are taken for sRGB, and CMYK becomes RGB by ``(255 - ink) * (255 - black) / 255``.
    With one they are converted by relative colorimetry with black point compensation (ICC.1:2022, 6.2; as browsers do).
    A profile that is damaged or of another colour space is ignored, with a logged warning.

    Parameters
    ----------
    picture : PIL.Image.Image
        Mode ``L``, ``RGB``, ``CMYK`` or ``LAB``, 8 bits a channel.
    icc : bytes or None
        The embedded profile.
    source : str
        What to call the picture in the log.
    """
    from PIL import ImageCms

    if picture.mode == "LAB" or icc:
        try:
            transform = _transform(icc if picture.mode != "LAB" else None, picture.mode)
            if transform is not None:
                converted = ImageCms.applyTransform(picture, transform)
                if converted is not None:
                    return converted
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError) as error:
            _log.warning("%s: its colour profile is ignored: %s", source, error)
    return picture if picture.mode == "RGB" else picture.convert("RGB")


def is_srgb(icc: bytes | None) -> bool:
    """Return whether RGB numbers under this profile are sRGB already (or there is none)."""
    if not icc:
        return True
    from PIL import ImageCms

    try:
        return _transform(icc, "RGB") is None
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return False


@functools.lru_cache(maxsize=16)
def _transform(icc: bytes | None, mode: str) -> ImageCmsTransform | None:
    """Return the way from a profile to sRGB; None when it changes no number by more than 1."""
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB") if icc is None else io.BytesIO(icc))
    space = profile.profile.xcolor_space.strip()
    if space != _SPACES[mode]:
        raise ValueError(f"it is for {space}, the picture is {mode}")
    target = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    intent, flags = ImageCms.Intent.RELATIVE_COLORIMETRIC, ImageCms.Flags.BLACKPOINTCOMPENSATION
    transform = ImageCms.buildTransform(profile, target, mode, "RGB", renderingIntent=intent, flags=flags)
    return None if mode in ("L", "RGB") and _changes_nothing(transform, mode) else transform


def _changes_nothing(transform: ImageCmsTransform, mode: str) -> bool:
    from PIL import Image, ImageCms

    levels = np.arange(0, 256, 17, dtype=np.uint8)
    cube = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(64, 64, 3)
    probe = Image.fromarray(cube if mode == "RGB" else np.ascontiguousarray(cube[:, :, 0]))
    seen = ImageCms.applyTransform(probe, transform)
    if seen is None:
        return False
    wanted = np.asarray(probe.convert("RGB"), np.int16)
    return bool(np.abs(np.asarray(seen, np.int16) - wanted).max() <= 1)
