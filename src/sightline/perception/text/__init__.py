"""Text in pictures."""

from sightline.perception.text.reading_order import reading_order
from sightline.perception.text.text_reader import TextReader

__all__ = ["TextReader", "reading_order"]
