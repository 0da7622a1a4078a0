"""The head of the audit trail, kept outside the database: how many entries there are, and the hash of the last.

Without it nobody could tell that entries are missing at the end. The file holds two lines, written in turn and in place, each
with a MAC of its own: a line that was torn by a crash does not count, and the other one does.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from sightline.media.files import replacing
from sightline.store.audit_chain import START, Mark

_LINE = 160


class Head:
    """Keeps how far the trail reached.

    Parameters
    ----------
    path : Path
        ``keys/audit.head``.
    key : bytes
        The trail's key.
    """

    def __init__(self, path: Path, key: bytes) -> None:
        self._path, self._key = path, key
        self._lock = FileLock(path.with_suffix(".lock"))
        self._highest = START

    def read(self) -> Mark | None:
        """Return how far the trail reached, None when the file is missing or damaged.

        A file that was put back to an older one counts for nothing while the process runs that wrote the newer one.
        """
        try:
            content = self._path.read_bytes()
        except OSError:
            return None
        marks = [self._parsed(content[at : at + _LINE]) for at in (0, _LINE)]
        found = max((m for m in marks if m is not None), key=lambda m: m.number, default=None)
        return found if found is None or found.number >= self._highest.number else self._highest

    def write(self, mark: Mark) -> None:
        """Begin anew from a mark."""
        with self._lock, replacing(self._path) as part:
            part.write_bytes(self._line(mark) * 2)
            part.chmod(0o600)
            self._highest = mark

    def advance(self, last: Mark, new: Mark, hash_of: Callable[[int], bytes | None]) -> bool:
        """Note that entries were added after the last one there was.

        Parameters
        ----------
        last, new : Mark
            The end of the trail before and after.
        hash_of : callable
            Gives the hash of an entry of the trail; asked when the file is behind (after a crash, or another process wrote).

        Returns
        -------
        bool
            False when the trail does not go on from where the file says it was: entries are missing or other ones. The file
            stays as it is then, so that `AuditTrail.verify` finds it however much is added.
        """
        with self._lock:
            known = self.read()
            if known is None or known.number > last.number:
                return known is not None and known.number >= new.number and hash_of(known.number) == known.hash
            at_last = known.hash == last.hash if known.number == last.number else known == START or hash_of(known.number) == known.hash
            if at_last:
                self._put(known, new)
            return at_last

    def _put(self, known: Mark, new: Mark) -> None:
        with _opened(self._path) as file:
            first = os.pread(file, _LINE, 0)
            spare = _LINE if self._parsed(first) == known else 0
            os.pwrite(file, self._line(new), spare)
        self._highest = new

    def _line(self, mark: Mark) -> bytes:
        said = f"{mark.number:019d} {mark.hash.hex()} "
        return (said + self._mac(said) + "\n").ljust(_LINE - 1).encode() + b"\n"

    def _parsed(self, line: bytes) -> Mark | None:
        try:
            number, digest, mac = line.decode("ascii").split()
            said = f"{int(number):019d} {digest} "
            return Mark(int(number), bytes.fromhex(digest)) if hmac.compare_digest(mac, self._mac(said)) else None
        except ValueError:
            return None

    def _mac(self, said: str) -> str:
        return hmac.new(self._key, b"head " + said.encode(), hashlib.sha256).hexdigest()


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    file = os.open(path, os.O_RDWR)
    try:
        yield file
    finally:
        os.close(file)
