"""What a picture carries beside its pixels, and which of it is written back."""

from __future__ import annotations

from dataclasses import dataclass

from sightline.media import exif as exif_blocks
from sightline.media.files import Source, read_bytes, source_name
from sightline.media.headers import orientation_of, read_header
from sightline.media.limits import ImageLimits

_GPS_LATITUDE_REF, _GPS_LATITUDE, _GPS_LONGITUDE_REF, _GPS_LONGITUDE = 1, 2, 3, 4


@dataclass(frozen=True)
class ImageMetadata:
    """The notes of one picture, to be handed to ``write_image``.

    Parameters
    ----------
    exif : bytes or None
        The Exif block as it was stored.
    icc : bytes or None
        The colour profile as it was stored (``read_image`` has applied it; it is never written back).

    Examples
    --------
    >>> ImageMetadata().has_gps
    False
    """

    exif: bytes | None = None
    icc: bytes | None = None

    @property
    def orientation(self) -> int:
        """Exif orientation 1..8 as stored."""
        return orientation_of(self.exif)

    @property
    def has_gps(self) -> bool:
        """Whether the Exif block says where the picture was taken."""
        tree = exif_blocks.parse(self.exif)
        return bool(tree and tree.gps)

    @property
    def has_thumbnail(self) -> bool:
        """Whether the Exif block holds a small copy of the picture."""
        tree = exif_blocks.parse(self.exif)
        return bool(tree and tree.has_thumbnail)

    def exif_for(self, size_wh: tuple[int, int], *, keep_gps: bool = False) -> bytes | None:
        """Return the Exif block for a written picture of that size; see ``exif.for_writing`` for what it holds."""
        return exif_blocks.for_writing(self.exif, size_wh, keep_gps=keep_gps)


def read_metadata(source: Source, *, limits: ImageLimits | None = None) -> ImageMetadata:
    """Return the Exif block and colour profile of a picture without decoding it.

    Parameters
    ----------
    source : path, bytes or binary file
        The picture.
    limits : ImageLimits, optional
        Largest size accepted.

    Raises
    ------
    MediaNotFoundError, MediaPermissionError, MediaFormatError, MediaLimitError, ImageDecodeError
        As ``read_image`` does.

    Examples
    --------
    >>> import numpy as np
    >>> from sightline.media.images import encode_image
    >>> read_metadata(encode_image(np.zeros((2, 2, 3), np.uint8), "PNG")).exif is None
    True
    """
    name = source_name(source)
    header = read_header(name, read_bytes(source, limits or ImageLimits()))
    return ImageMetadata(header.exif, header.icc)
