from __future__ import annotations

import io
import pickle

import hypothesis
import hypothesis.strategies as st
import pytest

from sightline.core import errors
from sightline.server.workers import wire


def tree(base: type[BaseException]) -> list[type[BaseException]]:
    return [base, *(d for c in base.__subclasses__() for d in tree(c))]


OWN = [e for e in dict.fromkeys(tree(errors.SightlineError)) if e.__module__ == "sightline.core.errors"]


def made(kind: type[BaseException]) -> BaseException:
    for arguments in (("a.jpg", "is broken"), ("is broken",), ("is broken", 7.0), (404, "is broken")):
        try:
            return kind(*arguments)
        except TypeError:
            continue
    pytest.skip(f"{kind.__name__} is made in another way")


@pytest.mark.parametrize("kind", OWN)
def test_errors_cross_with_their_facts(kind: type[BaseException]) -> None:
    error = made(kind)
    sent = wire.read(io.BytesIO(b"".join(wire.encode(wire.error_to_json("look", error)))), 10_000)
    back = wire.error_from_json("look", sent)
    if type(back) is not kind:
        assert isinstance(back, errors.WorkerCrashedError), "only an error whose constructor is unusual may come back as another"
        assert issubclass(kind, errors.ServiceError)
        assert str(error) in str(back)
    else:
        assert str(back) == str(error)
        assert {k: v for k, v in vars(back).items() if v} == {k: v for k, v in vars(error).items() if v}


@pytest.mark.parametrize(
    "sent",
    [
        None,
        3,
        [],
        {},
        {"kind": "SystemExit"},
        {"kind": "display_name"},
        {"kind": "annotations"},
        {"kind": ["MediaError"]},
        {"kind": "Path"},
    ],
)
def test_only_errors_of_the_tree_are_made(sent: object) -> None:
    assert type(wire.error_from_json("look", sent)) is errors.WorkerCrashedError


def test_forged_facts_cannot_change_what_an_error_does() -> None:
    sent = {
        "kind": "MediaFormatError",
        "message": "m",
        "facts": {"__class__": "x", "args": ["x"], "__str__": "x", "with_traceback": "x", "a": 1},
    }
    error = wire.error_from_json("look", sent)
    assert type(error) is errors.MediaFormatError
    assert (str(error), vars(error)) == ("m", {"source": "", "a": 1})


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


@hypothesis.given(st.dictionaries(st.text(), values | st.binary(max_size=200), max_size=5))
def test_any_message_comes_back(message: dict[str, object]) -> None:
    assert wire.read(io.BytesIO(b"".join(wire.encode(message))), 1 << 20) == message


@hypothesis.given(st.binary(max_size=300))
def test_noise_is_refused_or_a_message(noise: bytes) -> None:
    try:
        found = wire.read(io.BytesIO(noise), 1000)
    except wire.BrokenMessageError:
        return
    assert found is None or isinstance(found, dict)


@pytest.mark.parametrize(
    "data",
    [
        wire.HEAD.pack(4, 0) + b"[1]",
        wire.HEAD.pack(3, 0) + b"[1]",
        wire.HEAD.pack(2, 1 << 40) + b"{}",
        wire.HEAD.pack(14, 2) + b'{"a":{"$bytes":3}}'[:14] + b"xx",
        wire.HEAD.pack(18, 2) + b'{"a":{"$bytes":3}}xx',
        wire.HEAD.pack(19, 2) + b'{"a":{"$bytes":-1}}xx',
        wire.HEAD.pack(len(pickle.dumps({1: 2})), 0) + pickle.dumps({1: 2}),
        b"\0",
    ],
)
def test_broken_messages_are_refused(data: bytes) -> None:
    with pytest.raises(wire.BrokenMessageError):
        wire.read(io.BytesIO(data), 1 << 20)
