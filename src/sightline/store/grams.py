"""Text search in any language without an extension: texts are cut into pairs of characters, and an index finds the pairs.

A row keeps `grams` of its text in a ``text[]`` column with a GIN index, and, to be exact, its text as `fold` makes it. What
contains a phrase has all pairs of the phrase (``grams @> needed``); ``strpos(folded, fold(phrase)) > 0`` then decides. Pairs
work for Chinese and Japanese, which have no spaces between words, as they do for English.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any

_SPACE = re.compile(r"\s+")
_LONGEST = 2_000
"""Characters of a text that can be found; more are kept, and not searched."""


def fold(text: str) -> str:
    """Return a text as it is searched: without case, width (Ａ is A), ligatures and repeated space.

    Characters that a database cannot keep are taken out.

    Examples
    --------
    >>> fold("  Straße　ＮＯ．１ ")
    'strasse no.1'
    """
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", storable(text)).casefold())
    return _SPACE.sub(" ", plain).strip()[:_LONGEST]


def grams(text: str) -> list[str]:
    """Return what a text is found by: each of its characters and each pair of neighbours, once.

    Examples
    --------
    >>> grams("出口 A")
    [' ', ' a', 'a', '出', '出口', '口', '口 ']
    """
    folded = fold(text)
    return sorted(set(folded) | _pairs(folded))


def needed(phrase: str) -> list[str]:
    """Return what the grams of every text that contains a phrase contain; empty when the phrase says nothing.

    Examples
    --------
    >>> needed("EXIT")
    ['ex', 'it', 'xi']
    >>> needed("口")
    ['口']
    """
    folded = fold(phrase)
    return sorted(_pairs(folded) or set(folded))


def storable(text: str) -> str:
    r"""Return a text without NUL and lone surrogates, which PostgreSQL refuses.

    Examples
    --------
    >>> storable("a\x00b\ud800")
    'ab'
    """
    return text.replace("\x00", "").encode("utf-8", "ignore").decode("utf-8")


def storable_value(value: Any) -> Any:
    r"""Return a JSON value with each of its texts as `storable` makes it.

    Examples
    --------
    >>> storable_value({"a\x00": ["b\x00", 1]})
    {'a': ['b', 1]}
    """
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, dict):
        return {storable(name): storable_value(each) for name, each in value.items()}
    return [storable_value(each) for each in value] if isinstance(value, list | tuple) else value


def _pairs(folded: str) -> set[str]:
    return {folded[i : i + 2] for i in range(len(folded) - 1)}
