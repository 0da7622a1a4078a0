"""Passwords: argon2id, the same work whoever asks, and never more memory at once than a server can give."""

from __future__ import annotations

import threading
import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from sightline.core.errors import InvalidInputError, QueueFullError

_AT_ONCE = 2
_PATIENCE_S = 10.0


class Passwords:
    """Makes and checks argon2id hashes with the defaults of argon2-cffi (RFC 9106, low memory: 64 MiB, 3 passes).

    Parameters
    ----------
    hasher : PasswordHasher, optional
        Other parameters; hashes made with different ones are made again at the next sign-in.

    Examples
    --------
    >>> passwords = Passwords()
    >>> passwords.fits("correct horse battery", passwords.hash("correct horse battery"))
    True
    """

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._turns = threading.BoundedSemaphore(_AT_ONCE)
        self._nobody: str | None = None

    def hash(self, password: str) -> str:
        """Return the hash to keep.

        Raises
        ------
        InvalidInputError
            When it holds characters that cannot be encoded.
        QueueFullError
            When too many passwords are being worked on.
        """
        plain = _encoded(password)
        with _Turn(self._turns):
            return self._hasher.hash(plain)

    def fits(self, password: str, known: str | None) -> bool:
        """Return whether a password has a hash; without a hash it works as long, and says no.

        Raises
        ------
        InvalidInputError
            When it holds characters that cannot be encoded.
        QueueFullError
            When too many passwords are being worked on.
        """
        plain = _encoded(password)
        if known is None and self._nobody is None:
            self._nobody = self.hash("nobody has this password")
        with _Turn(self._turns):
            try:
                self._hasher.verify(known or str(self._nobody), plain)
            except (VerificationError, InvalidHashError):
                return False
        return known is not None

    def is_old(self, known: str) -> bool:
        """Return whether a hash was made with other parameters than those of today."""
        return self._hasher.check_needs_rehash(known)


class _Turn:
    """Lets a few threads hash at once (64 MiB each); the others wait, for a time."""

    def __init__(self, turns: threading.BoundedSemaphore) -> None:
        self._turns = turns

    def __enter__(self) -> None:
        if not self._turns.acquire(timeout=_PATIENCE_S):
            raise QueueFullError("too many people sign in at once; try again in a moment", retry_after_s=_PATIENCE_S)

    def __exit__(self, *reason: object) -> None:
        self._turns.release()


def _encoded(password: str) -> bytes:
    """Return the bytes of a password; the same characters typed on another keyboard give the same bytes (NFKC, NIST SP 800-63B 5.1.1.2)."""
    try:
        return unicodedata.normalize("NFKC", password).encode("utf-8")
    except UnicodeEncodeError:
        raise InvalidInputError("the password holds characters that cannot be encoded") from None
