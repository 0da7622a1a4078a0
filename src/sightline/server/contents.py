"""Answers that carry files: ranges, caching, and headers that let no browser take a picture for a page."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Literal
from urllib.parse import quote

from fastapi import Request, Response
from fastapi.responses import StreamingResponse

__all__ = ["content_disposition", "parse_range", "respond_with"]

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
_SAFE = re.compile(r"image/(jpeg|png|webp|gif|tiff|bmp|avif|heic|heif)|video/[a-z0-9.-]+")
_IMMUTABLE = "private, max-age=31536000, immutable"
_PLAIN = re.compile(r"[^A-Za-z0-9 ._()-]")


def respond_with(
    request: Request, etag: str, size: int, content_type: str, name: str, read: Callable[[int, int], Iterator[bytes]], *, save: bool = False
) -> Response:
    """Answer with a file, or the part of it that is asked for (RFC 9110, 14).

    Parameters
    ----------
    request : Request
        Its headers ``Range``, ``If-Range`` and ``If-None-Match`` count.
    etag : str
        Names these very bytes.
    size : int
        Bytes.
    content_type : str
        What is neither a picture nor a video is sent as bytes without meaning.
    name : str
        What to call it when it is saved.
    read : callable
        Gives the bytes from one position to before another.
    save : bool
        Whether a browser should save it instead of showing it.

    Returns
    -------
    Response
        200, 206, 304, or 416 when there are no such bytes.
    """
    tag = f'"{etag}"'
    headers = {"ETag": tag, "Cache-Control": _IMMUTABLE, **guarded(), "Accept-Ranges": "bytes"}
    if any(seen.strip().removeprefix("W/") in (tag, "*") for seen in request.headers.get("if-none-match", "").split(",")):
        return Response(status_code=304, headers=headers)
    headers["Content-Disposition"] = content_disposition(name, "attachment" if save else "inline")
    media_type = content_type if _SAFE.fullmatch(content_type) else "application/octet-stream"
    asked = request.headers.get("range") if request.headers.get("if-range", tag) == tag else None
    part = parse_range(asked, size)
    if part == "none":
        return Response(status_code=416, headers={"Content-Range": f"bytes */{size}", "Accept-Ranges": "bytes"})
    start, end = part or (0, size)
    headers["Content-Length"] = str(end - start)
    if part is not None:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    status = 200 if part is None else 206
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=media_type)
    return StreamingResponse(read(start, end), status, headers, media_type)


def guarded() -> dict[str, str]:
    """Return headers with which bytes of strangers can be sent: no scripts, no guessing, for our own pages alone."""
    return {"Content-Security-Policy": "sandbox", "X-Content-Type-Options": "nosniff", "Cross-Origin-Resource-Policy": "same-origin"}


def parse_range(header: str | None, size: int) -> tuple[int, int] | Literal["none"] | None:
    """Return the bytes that a ``Range`` header asks for, from the first to before the last.

    Several ranges, other units and what makes no sense are passed over (None), as RFC 9110 allows.

    Examples
    --------
    >>> parse_range("bytes=2-3", 10), parse_range("bytes=-4", 10), parse_range("bytes=8-", 10), parse_range("bytes=10-", 10)
    ((2, 4), (6, 10), (8, 10), 'none')
    """
    match = _RANGE.fullmatch(header or "")
    if match is None or match[1] == match[2] == "":
        return None
    if match[1] == "":
        last = min(int(match[2]), size)
        return (size - last, size) if last else "none"
    start = int(match[1])
    end = size if match[2] == "" else min(int(match[2]) + 1, size)
    if match[2] != "" and int(match[2]) < start:
        return None
    return (start, end) if start < size else "none"


def content_disposition(name: str, how: Literal["inline", "attachment"]) -> str:
    """Return the header that says what a file is called (RFC 6266, RFC 8187).

    Examples
    --------
    >>> print(content_disposition('出口 "1".jpg', "inline"))
    inline; filename="__ _1_.jpg"; filename*=UTF-8''%E5%87%BA%E5%8F%A3%20%221%22.jpg
    """
    return f"{how}; filename=\"{_PLAIN.sub('_', name)}\"; filename*=UTF-8''{quote(name, safe='')}"
