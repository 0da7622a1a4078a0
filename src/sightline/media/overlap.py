"""Doing things at the same time: reading ahead and writing behind, each in one thread, with bounded memory.

Decoding and encoding release Python's lock, so ``for frame in prefetch(reader)`` with a `BackgroundWriter` overlaps both with
what is done in between.
"""

from __future__ import annotations

import queue
import threading
import weakref
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Generic, Protocol, Self, TypeVar

from sightline.core.errors import InvalidInputError
from sightline.core.frame import Frame

T = TypeVar("T")
_POLL_S = 0.1
_ITEM, _END, _ERROR = range(3)


class _Channel(Generic[T]):
    """A bounded queue whose both ends notice when the other one gave up."""

    def __init__(self, depth: int) -> None:
        if depth < 1:
            raise InvalidInputError(f"depth must be 1 or more, got {depth}")
        self.queue: queue.Queue[tuple[int, T | None, BaseException | None]] = queue.Queue(depth)
        self.stopped = threading.Event()

    def put(self, kind: int, item: T | None = None, error: BaseException | None = None) -> bool:
        """Wait for room; False when the other end has stopped."""
        while not self.stopped.is_set():
            try:
                self.queue.put((kind, item, error), timeout=_POLL_S)
            except queue.Full:
                continue
            return True
        return False

    def stop(self) -> None:
        self.stopped.set()
        while True:
            try:
                self.queue.get_nowait()
            except queue.Empty:
                return


class Prefetch(Generic[T]):
    """Iterates over another iterable that a thread reads ahead; see `prefetch`."""

    def __init__(self, iterable: Iterable[T], depth: int) -> None:
        self._channel: _Channel[T] = _Channel(depth)
        self._ended = False
        self._thread = threading.Thread(target=_read_ahead, args=(iterable, self._channel), name="sightline-prefetch", daemon=True)
        self._finalizer = weakref.finalize(self, self._channel.stop)
        self._thread.start()

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        """Return the next item; an exception of the iterable comes out here, at its place in the order."""
        if self._ended or self._channel.stopped.is_set():
            raise StopIteration
        kind, item, error = self._channel.queue.get()
        if kind == _ITEM:
            return item  # type: ignore[return-value]
        self._ended = True
        self._thread.join()
        if error is not None:
            raise error
        raise StopIteration

    def close(self) -> None:
        """Stop reading ahead and wait for the thread (at most as long as the iterable needs for one item)."""
        self._channel.stop()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def _read_ahead(iterable: Iterable[T], channel: _Channel[T]) -> None:
    try:
        for item in iterable:
            if not channel.put(_ITEM, item):
                return
    except BaseException as error:  # noqa: BLE001 - carried over to the reader's thread
        channel.put(_ERROR, error=error)
    else:
        channel.put(_END)


def prefetch(iterable: Iterable[T], depth: int = 4) -> Prefetch[T]:
    """Read ``iterable`` ahead in a thread.

    Parameters
    ----------
    iterable : iterable
        Read by the thread only; do not use it elsewhere until `Prefetch.close` or the end.
    depth : int
        How many items may wait; their memory is held.

    Returns
    -------
    Prefetch
        An iterator and context manager. Leaving the ``with`` block, `close`, or forgetting it ends the thread.

    Raises
    ------
    InvalidInputError
        ``depth`` below 1.

    Examples
    --------
    >>> with prefetch(range(5), depth=2) as numbers:
    ...     list(numbers)
    [0, 1, 2, 3, 4]
    """
    return Prefetch(iterable, depth)


class FrameSink(Protocol):
    """What takes frames and is finished or thrown away: `VideoWriter` is one."""

    def write(self, frame: Frame) -> None:
        """Take one frame."""

    def close(self) -> None:
        """Finish."""

    def abort(self) -> None:
        """Throw away."""


class BackgroundWriter:
    """Hands frames to a writer in another thread.

    Parameters
    ----------
    writer : FrameSink
        For instance a `VideoWriter`; this object closes or aborts it.
    depth : int
        How many frames may wait.

    Notes
    -----
    A frame's image may not be changed after `write`. An error of the writer comes out of the next `write`, or of `close`; the
    writer is aborted then.

    Examples
    --------
    >>> import numpy as np
    >>> class Counter:
    ...     frames = 0
    ...     def write(self, frame):
    ...         self.frames += 1
    ...     def close(self):
    ...         print("closed after", self.frames)
    ...     def abort(self):
    ...         print("aborted")
    >>> with BackgroundWriter(Counter()) as writer:
    ...     writer.write(Frame(np.zeros((2, 2, 3), np.uint8), 0, 0.0))
    closed after 1
    """

    def __init__(self, writer: FrameSink, depth: int = 4) -> None:
        self._writer = writer
        self._channel: _Channel[Frame] = _Channel(depth)
        self._errors: list[BaseException] = []
        self._finalizer = weakref.finalize(self, self._channel.stop)
        args = (writer, self._channel, self._errors)
        self._thread = threading.Thread(target=_write_behind, args=args, name="sightline-writer", daemon=True)
        self._thread.start()
        self._closed = False

    def write(self, frame: Frame) -> None:
        """Queue a frame; waits while the queue is full.

        Raises
        ------
        Exception
            What the writer raised for an earlier frame.
        """
        if self._closed or not self._channel.put(_ITEM, frame):
            self._fail("the writer is closed")

    def close(self) -> None:
        """Write what is queued, then close the writer; does nothing when already closed."""
        if self._closed:
            return
        self._closed = True
        self._channel.put(_END)
        self._thread.join()
        if self._errors:
            self._writer.abort()
            raise self._errors[0]
        self._writer.close()

    def abort(self) -> None:
        """Drop what is queued and abort the writer."""
        self._closed = True
        self._channel.stop()
        self._thread.join()
        self._writer.abort()

    def _fail(self, message: str) -> None:
        if self._errors:
            self.abort()
            raise self._errors[0]
        raise InvalidInputError(message)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()


def _write_behind(writer: FrameSink, channel: _Channel[Frame], errors: list[BaseException]) -> None:
    while not channel.stopped.is_set():
        try:
            kind, frame, _ = channel.queue.get(timeout=_POLL_S)
        except queue.Empty:
            continue
        if kind == _END or frame is None:
            return
        try:
            writer.write(frame)
        except BaseException as error:  # noqa: BLE001 - carried over to the caller's thread
            errors.append(error)
            channel.stop()
            return
