"""Decoding and encoding of pictures, videos and cameras, resampling, and drawing on pictures.

Nothing is loaded before it is used: ``from sightline.media import read_image`` loads OpenCV and Pillow, not PyAV.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sightline.media.camera import Camera
    from sightline.media.drawing import draw
    from sightline.media.images import encode_image, image_info, read_image, thumbnail, write_image
    from sightline.media.kinds import kind_of
    from sightline.media.limits import ImageLimits
    from sightline.media.metadata import read_metadata
    from sightline.media.sampling import resize, warp
    from sightline.media.video_reader import VideoReader
    from sightline.media.video_writer import VideoWriter

_HOME = {
    "Camera": "camera",
    "ImageLimits": "limits",
    "VideoReader": "video_reader",
    "VideoWriter": "video_writer",
    "draw": "drawing",
    "encode_image": "images",
    "image_info": "images",
    "kind_of": "kinds",
    "read_image": "images",
    "read_metadata": "metadata",
    "resize": "sampling",
    "thumbnail": "images",
    "warp": "sampling",
    "write_image": "images",
}
__all__ = [
    "Camera",
    "ImageLimits",
    "VideoReader",
    "VideoWriter",
    "draw",
    "encode_image",
    "image_info",
    "kind_of",
    "read_image",
    "read_metadata",
    "resize",
    "thumbnail",
    "warp",
    "write_image",
]


def __getattr__(name: str) -> Any:
    """Load the module that a public name lives in when it is used."""
    if name in _HOME:
        return getattr(import_module(f"sightline.media.{_HOME[name]}"), name)
    raise AttributeError(f"module 'sightline.media' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
