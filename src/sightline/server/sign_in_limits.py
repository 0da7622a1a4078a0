"""How often sign-ins may fail: by name, so that one account cannot be guessed at, and by address, so that many cannot."""

from __future__ import annotations

import ipaddress
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass

from sightline.core.errors import TooManyTriesError


@dataclass(frozen=True)
class Allowance:
    """What may fail.

    Parameters
    ----------
    free : int
        So many failures within the window cost nothing.
    window_s : float
        Older failures are forgotten.
    longest_wait_s : float
        The wait after each further failure is 1, 2, 4, 8 … s, up to this.
    """

    free: int
    window_s: float = 900.0
    longest_wait_s: float = 900.0


NAME = Allowance(free=5, longest_wait_s=60.0)
"""Short at most, so that a stranger cannot lock somebody out by failing in their name."""
ADDRESS = Allowance(free=20)
MOST_REMEMBERED = 20_000


class SignInLimits:
    """Counts failures in memory. A try counts as failed until it has succeeded, so that many at once do not slip through.

    Where a name has signed in from an address before, failures elsewhere do not hold it up there.

    Parameters
    ----------
    clock : callable
        Gives seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failures: OrderedDict[tuple[str, str], deque[float]] = OrderedDict()
        self._friends: OrderedDict[tuple[str, str], None] = OrderedDict()

    def try_once(self, name: str | None, address: str) -> None:
        """Note a try.

        Parameters
        ----------
        name : str, optional
            None where there is no name to be guessed at.
        address : str

        Raises
        ------
        TooManyTriesError
            When it must wait; it did not count then.
        """
        now = self._clock()
        with self._lock:
            wait = max((self._wait(key, allowance, now) for key, allowance in self._keys(name, address)), default=0.0)
            if wait > 0:
                raise TooManyTriesError(f"too many sign-ins failed; try again in {wait:.0f} s", retry_after_s=wait)
            for key, allowance in self._keys(name, address):
                failures = self._failures.setdefault(key, deque(maxlen=allowance.free + 32))
                failures.append(now)
                self._failures.move_to_end(key)
            while len(self._failures) > MOST_REMEMBERED:
                self._failures.popitem(last=False)

    def succeeded(self, name: str | None, address: str) -> None:
        """Forget the failures of a name, and this one try of the address."""
        with self._lock:
            for key in (("name", name or ""), ("address", _network(address))):
                failures = self._failures.get(key)
                if key[0] == "name" or (failures is not None and len(failures) <= 1):
                    self._failures.pop(key, None)
                elif failures is not None:
                    failures.pop()
            if name is not None:
                self._friends[(name, _network(address))] = None
                self._friends.move_to_end((name, _network(address)))
                while len(self._friends) > MOST_REMEMBERED:
                    self._friends.popitem(last=False)

    def _keys(self, name: str | None, address: str) -> list[tuple[tuple[str, str], Allowance]]:
        network = _network(address)
        keys = [(("address", network), ADDRESS)]
        return keys if name is None or (name, network) in self._friends else [(("name", name), NAME), *keys]

    def _wait(self, key: tuple[str, str], allowance: Allowance, now: float) -> float:
        failures = self._failures.get(key)
        if failures is None:
            return 0.0
        while failures and failures[0] <= now - allowance.window_s:
            failures.popleft()
        if not failures:
            del self._failures[key]
            return 0.0
        over = len(failures) - allowance.free
        return 0.0 if over < 0 else failures[-1] + min(2.0**over, allowance.longest_wait_s) - now


def _network(address: str) -> str:
    """Return an address, or the network of one that has a whole /64 to itself (IPv6)."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(parsed.ipv4_mapped or ipaddress.IPv6Network((parsed, 64), strict=False))
    return str(parsed)
