"""Every error Sightline raises on purpose, in one tree.

::

    SightlineError
    ├── InvalidInputError (ValueError)          an argument or array is not what the docstring says
    ├── MediaError                              pictures, videos, cameras
    │   ├── MediaNotFoundError (FileNotFoundError)
    │   ├── MediaPermissionError (PermissionError)
    │   ├── MediaFormatError (ValueError)       not a picture or video at all, or an unsupported kind
    │   ├── MediaLimitError (ValueError)        more bytes, pixels or seconds than allowed
    │   ├── ImageDecodeError (ValueError)       damaged picture
    │   ├── VideoDecodeError (ValueError)       damaged video; says how far it could be read
    │   ├── MediaWriteError (OSError)
    │   └── CameraError (ConnectionError)
    ├── ModelError
    │   ├── UnknownModelError (LookupError)     no card of that name
    │   ├── ModelCardError (ValueError)         a card that does not fit the schema
    │   ├── ModelNotFetchedError (FileNotFoundError)
    │   ├── ModelFetchError (OSError)           no source could deliver
    │   ├── ModelOfflineError (ConnectionError) a fetch was needed while SIGHTLINE_OFFLINE=1
    │   ├── ModelCorruptError (ValueError)      bytes do not match the card's sha256
    │   ├── ModelConversionError (ValueError)   an importer met something it does not know
    │   └── DeviceError (RuntimeError)          the device asked for is not there
    ├── MissingExtraError (ImportError)         an optional part is not installed
    └── ServiceError                            a service that runs: workers, queues, store, rights
        ├── WorkerError                         a worker process could not finish a task
        │   ├── WorkerCrashedError (RuntimeError)  its process ended
        │   ├── WorkerTimeoutError (TimeoutError)  it took longer than allowed
        │   └── WorkerMemoryError (MemoryError)    it took more memory than allowed
        ├── QueueFullError (RuntimeError)       too much is waiting; says when to come again
        ├── NotFoundError (LookupError)         there is no such thing, or none that may be seen
        ├── ConflictError (ValueError)          it does not fit the state that things are in
        ├── StoreUnavailableError (ConnectionError) the database or media store does not answer
        ├── ClusterError (ConnectionError)      the Ray cluster cannot be reached or was lost
        ├── RightsError (PermissionError)       whoever asks has not the right
        │   ├── SignInNeededError (PermissionError) nobody is signed in, or no longer
        │   └── TooManyTriesError (PermissionError) too many sign-ins failed; says when to come again
        └── ApiError (ConnectionError)          what a server answered a client of ours

Each error is also a class of the standard library, so code that knows nothing of Sightline can catch it, and
carries its facts as attributes. A message says what was given, what was expected and what to do.
"""

from __future__ import annotations

from pathlib import Path


class SightlineError(Exception):
    """Base of every error Sightline raises on purpose."""


class InvalidInputError(SightlineError, ValueError):
    """An argument, array or option is not what the docstring asks for."""


class MediaError(SightlineError):
    r"""Something about a picture, video or camera.

    Attributes
    ----------
    source : str
        The path, address or stream name, as it was given (undecodable bytes shown as ``\xNN``).
    """

    def __init__(self, source: object, message: str) -> None:
        self.source = display_name(source)
        super().__init__(f"{self.source}: {message}")

    def __str__(self) -> str:
        """Return the plain message (``OSError`` would show its errno tuple)."""
        return str(self.args[0])


class MediaNotFoundError(MediaError, FileNotFoundError):
    """There is no such file."""


class MediaPermissionError(MediaError, PermissionError):
    """The file is there and may not be read."""


class MediaFormatError(MediaError, ValueError):
    """The bytes are not of a picture or video kind that can be read."""


class MediaLimitError(MediaError, ValueError):
    """More bytes, pixels or seconds than the limits allow."""


class ImageDecodeError(MediaError, ValueError):
    """A picture is damaged."""


class VideoDecodeError(MediaError, ValueError):
    """A video is damaged or has no picture stream.

    Attributes
    ----------
    time_s : float or None
        Time of the last frame that could be read, None when there was none.
    """

    def __init__(self, source: object, message: str, time_s: float | None = None) -> None:
        self.time_s = time_s
        super().__init__(source, message)


class MediaWriteError(MediaError, OSError):
    """A picture or video could not be written."""


class CameraError(MediaError, ConnectionError):
    """A camera or stream cannot be opened or was lost for good."""


class ModelError(SightlineError):
    """Something about a model, its card or its weights.

    Attributes
    ----------
    model : str
        Name of the model.
    """

    def __init__(self, model: str, message: str) -> None:
        self.model = model
        super().__init__(f"model {model!r}: {message}")

    def __str__(self) -> str:
        """Return the plain message."""
        return str(self.args[0])


class UnknownModelError(ModelError, LookupError):
    """No card has that name."""


class ModelCardError(ModelError, ValueError):
    """A card does not fit the schema."""


class ModelNotFetchedError(ModelError, FileNotFoundError):
    """The weights are not on this machine yet; the message holds the command that fetches them."""


class ModelFetchError(ModelError, OSError):
    """No source of the card could deliver the weights.

    Attributes
    ----------
    reasons : tuple of str
        What each source said.
    """

    def __init__(self, model: str, message: str, reasons: tuple[str, ...] = ()) -> None:
        self.reasons = reasons
        super().__init__(model, message)


class ModelOfflineError(ModelError, ConnectionError):
    """Weights would have to be fetched while ``SIGHTLINE_OFFLINE=1``."""


class ModelCorruptError(ModelError, ValueError):
    """Bytes do not match the card's sha256."""


class ModelConversionError(ModelError, ValueError):
    """An importer met a file or operator it does not know."""


class DeviceError(SightlineError, RuntimeError):
    """The device asked for is not available."""


class MissingExtraError(SightlineError, ImportError):
    """An optional part is not installed; the message holds the exact install command.

    Attributes
    ----------
    extra : str
        Name of the extra, as in ``pip install 'sightline[extra]'``.
    """

    def __init__(self, extra: str, feature: str) -> None:
        self.extra = extra
        super().__init__(f"{feature} needs an optional part: pip install 'sightline[{extra}]'")


class ServiceError(SightlineError):
    """Something about a service that runs: its workers, queues, store and rights."""


class WorkerError(ServiceError):
    """A worker process could not finish a task.

    Attributes
    ----------
    task : str
        Name of the task.
    """

    def __init__(self, task: str, message: str) -> None:
        self.task = task
        super().__init__(f"{task}: {message}")


class WorkerCrashedError(WorkerError, RuntimeError):
    """The process that worked on it ended; a damaged or hostile file can do that."""


class WorkerTimeoutError(WorkerError, TimeoutError):
    """It took longer than allowed."""


class WorkerMemoryError(WorkerError, MemoryError):
    """It took more memory than allowed."""


class QueueFullError(ServiceError, RuntimeError):
    """Too much is waiting already.

    Attributes
    ----------
    retry_after_s : float
        When it is worth coming again, seconds.
    """

    def __init__(self, message: str, retry_after_s: float = 1.0) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(message)


class NotFoundError(ServiceError, LookupError):
    """There is no such thing, or none that whoever asks may know of."""


class ConflictError(ServiceError, ValueError):
    """What was asked for does not fit the state that things are in."""


class StoreUnavailableError(ServiceError, ConnectionError):
    """The database or the media store does not answer at present."""


class ClusterError(ServiceError, ConnectionError):
    """The Ray cluster cannot be reached or was lost; what was finished is kept, and the same command goes on from there."""


class RightsError(ServiceError, PermissionError):
    """Whoever asks has not the right to it."""


class SignInNeededError(RightsError):
    """Nobody is signed in, or no longer."""


class TooManyTriesError(RightsError):
    """Too many sign-ins failed.

    Attributes
    ----------
    retry_after_s : float
        When another try is allowed, seconds.
    """

    def __init__(self, message: str, retry_after_s: float) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(message)


class ApiError(ServiceError, ConnectionError):
    """A server answered a client's request with a problem, or could not be reached.

    Attributes
    ----------
    status : int or None
        The HTTP status; None when there was no answer.
    problem : dict
        The problem details, as in RFC 9457.
    """

    def __init__(self, message: str, *, status: int | None = None, problem: dict[str, object] | None = None) -> None:
        self.status, self.problem = status, problem or {}
        super().__init__(message)


def display_name(source: object) -> str:
    r"""Return a path or address as printable text; bytes that are not UTF-8 show as ``\xNN``.

    Examples
    --------
    >>> import os
    >>> display_name(os.fsdecode(b"caf\xe9.jpg"))
    'caf\\xe9.jpg'
    """
    text = str(source) if isinstance(source, str | Path) else repr(source)
    try:
        shown = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:  # halves of characters that stand for no byte; JSON can hold them
        shown = text
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in shown)
