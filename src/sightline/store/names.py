"""Names of files as people gave them: made safe to show; never used as paths."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["clean_name"]

LONGEST = 200
_MOST_MARKS = 6
_UNNAMED = "unnamed"
_JOINERS = "\u200c\u200d"
_TOO_MANY_MARKS = re.compile(
    f"((?:MARK){{{_MOST_MARKS}}})(?:MARK)+".replace("MARK", "[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]")
)


def clean_name(name: str) -> str:
    r"""Return a name that can be shown and sent anywhere.

    The last part of a path, in Unicode's NFC, without control characters, invisible ones and those that turn the direction of
    writing (``Cc``, ``Cf`` but the joiners that scripts and emoji need, ``Cs``, ``Zl``, ``Zp``), with at most six combining
    marks in a row and at most 200 characters, its suffix kept.

    Parameters
    ----------
    name : str
        As somebody gave it.

    Examples
    --------
    >>> clean_name("../../etc/passwd"), clean_name("C:\\photos\\door.jpg"), clean_name("photo\u202egpj.exe")
    ('passwd', 'door.jpg', 'photogpj.exe')
    >>> clean_name("..")
    'unnamed'
    """
    last = re.split(r"[/\\]", name.rstrip("/\\"))[-1]
    plain = "".join(c for c in last if c in _JOINERS or unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Zl", "Zp"))
    tame = _TOO_MANY_MARKS.sub(r"\1", unicodedata.normalize("NFC", plain)).strip()
    if not tame.strip(". " + _JOINERS):
        return _UNNAMED
    if len(tame) <= LONGEST:
        return tame
    stem, dot, suffix = tame.rpartition(".")
    return f"{stem[: LONGEST - 1 - len(suffix)]}.{suffix}" if dot and len(suffix) <= 10 else tame[:LONGEST]
