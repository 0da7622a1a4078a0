"""How large a picture may be."""

from __future__ import annotations

from dataclasses import dataclass

from sightline.core.errors import InvalidInputError, MediaLimitError

MIB = 1 << 20
MEGAPIXEL = 1_000_000


@dataclass(frozen=True)
class ImageLimits:
    """What a picture may cost; both are checked from the file's size and its header, before any pixel is decoded.

    Parameters
    ----------
    max_bytes : int
        Largest encoded size, bytes (default 512 MiB).
    max_pixels : int
        Largest width x height (default 256 million: a picture from a 200-megapixel telephone fits).

    Raises
    ------
    InvalidInputError
        When a limit is not positive.

    Examples
    --------
    >>> ImageLimits(max_pixels=1_000_000).max_bytes == 512 << 20
    True
    """

    max_bytes: int = 512 * MIB
    max_pixels: int = 256 * MEGAPIXEL

    def __post_init__(self) -> None:
        """Refuse limits that nothing can meet."""
        if self.max_bytes < 1 or self.max_pixels < 1:
            raise InvalidInputError(f"limits must be positive, got {self}")

    def check_bytes(self, source: object, count: int) -> None:
        """Raise MediaLimitError when ``count`` bytes are too many."""
        if count > self.max_bytes:
            raise MediaLimitError(
                source, f"{count:,} bytes are more than the limit of {self.max_bytes:,}; raise ImageLimits.max_bytes to read it"
            )

    def check_pixels(self, source: object, size_wh: tuple[int, int]) -> None:
        """Raise MediaLimitError when a picture of that size is too large."""
        width, height = size_wh
        if width * height > self.max_pixels:
            raise MediaLimitError(
                source,
                f"{width:,} x {height:,} pixels are more than the limit of {self.max_pixels:,}; raise ImageLimits.max_pixels to read it",
            )
