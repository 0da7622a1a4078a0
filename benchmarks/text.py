"""Text: character recall and time beside ``rapidocr`` called directly, and memory over many pages.

    python -m benchmarks.text --data ../shared/data
    python -m benchmarks.text --pages 1000

The peer is ``rapidocr.RapidOCR`` with its own settings and the same nets and threads, in the same run, pages alternating.
Characters are counted without spaces, upper and lower case alike. A true line's characters are found when the lines read
inside it (centre in the box) hold them in the same order (longest common subsequence).
"""

from __future__ import annotations

import argparse
import csv
import itertools
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from sightline.core.boxes import bounding_boxes
from sightline.core.frame import Image
from sightline.media.images import read_image
from sightline.perception.text import TextReader
from sightline.runtime.session import default_threads

Truth = list[tuple[np.ndarray, str]]
Read = list[tuple[np.ndarray, str]]
Page = tuple[Path, Truth]


def receipts(folder: Path) -> list[Page]:
    """Return SROIE receipts: four corners and the text of each line."""
    pages = []
    for table in sorted((folder / "box").glob("*.csv")):
        with table.open(encoding="utf-8", errors="replace", newline="") as file:
            rows = [line.rstrip("\r\n").split(",", 8) for line in file if line.strip()]
        truth = [(np.array(row[:8], np.float32).reshape(4, 2), row[8]) for row in rows if len(row) == 9]
        pages.append((next((folder / "img").glob(f"{table.stem}.*")), truth))
    return pages


def web_pictures(folder: Path) -> list[Page]:
    """Return MTWI web pictures: four corners and the text of each line that a person can read."""
    pages = []
    for table in sorted(folder.glob("*.txt")):
        picture = table.with_suffix(".jpg")
        if not picture.is_file():
            continue
        rows = [line.split(",", 8) for line in table.read_text("utf-8-sig").splitlines() if line.strip()]
        truth = [(np.array(row[:8], np.float32).reshape(4, 2), row[8]) for row in rows if len(row) == 9 and row[8] != "###"]
        pages.append((picture, truth))
    return pages


def single_lines(folder: Path, languages: tuple[str, ...]) -> list[Page]:
    """Return pictures of one line each."""
    with (folder / "labels.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    pages = []
    for name, language, text in (row[:3] for row in rows if len(row) >= 3):
        if language in languages and (folder / name).is_file():
            height, width = read_image(folder / name).shape[:2]
            pages.append((folder / name, [(np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32), text)]))
    return pages


def found_characters(truth: Truth, read: Read) -> tuple[int, int]:
    """Return how many characters of the true lines were read, and how many there are."""
    middles = np.array([quad.mean(axis=0) for quad, _ in read]).reshape(-1, 2)
    lefts = np.array([quad[:, 0].min() for quad, _ in read])
    found = total = 0
    for quad, text in truth:
        x0, y0, x1, y1 = bounding_boxes(quad[None])[0]
        inside = np.flatnonzero((middles[:, 0] >= x0) & (middles[:, 0] <= x1) & (middles[:, 1] >= y0) & (middles[:, 1] <= y1))
        # A read line that spans several true ones counts for each of them.
        if not len(inside):
            spans = [bounding_boxes(q[None])[0] for q, _ in read]
            cx, cy = (x0 + x1) / 2, (y0 + y1) / 2
            inside = np.array([i for i, b in enumerate(spans) if b[0] <= cx <= b[2] and b[1] <= cy <= b[3]], np.int64)
        seen = "".join(read[i][1] for i in inside[np.argsort(lefts[inside])]) if len(inside) else ""
        want = _plain(text)
        found += _common(want, _plain(seen))
        total += len(want)
    return found, total


def _plain(text: str) -> str:
    return "".join(text.split()).casefold()


def _common(a: str, b: str) -> int:
    """Return the length of the longest common subsequence."""
    row = np.zeros(len(b) + 1, np.int64)
    for letter in a:
        match = np.array([letter == other for other in b], bool)
        step = np.maximum(row[1:], np.where(match, row[:-1] + 1, 0))
        row[1:] = np.maximum.accumulate(step) if len(step) else step
    return int(row[-1])


def ours(threads: int) -> Callable[[Image], Read]:
    reader = TextReader(threads=threads)

    def read(image: Image) -> Read:
        [lines] = reader([image])
        return list(zip(lines.quads_xy, lines.texts, strict=True))

    return read


def peer(threads: int) -> Callable[[Image], Read]:
    from rapidocr import RapidOCR

    engine = RapidOCR(
        params={
            "Global.log_level": "critical",
            "EngineConfig.onnxruntime.intra_op_num_threads": threads,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )
    logging.getLogger("RapidOCR").setLevel(logging.CRITICAL)

    def read(image: Image) -> Read:
        result: Any = engine(np.ascontiguousarray(image[..., ::-1]))
        return [] if result.txts is None else [(np.asarray(q), t) for q, t in zip(result.boxes, result.txts, strict=True)]

    return read


def compare(name: str, pages: list[Page], readers: dict[str, Callable[[Image], Read]]) -> None:
    images = [read_image(path) for path, _ in pages]
    for read in readers.values():
        read(images[0])
    took, counts = dict.fromkeys(readers, 0.0), {who: [0, 0] for who in readers}
    for number, (image, (_, truth)) in enumerate(zip(images, pages, strict=True)):
        for who in itertools.islice(itertools.cycle(readers), number % 2, number % 2 + len(readers)):
            start = time.perf_counter()
            read = readers[who](image)
            took[who] += time.perf_counter() - start
            found, total = found_characters(truth, read)
            counts[who][0] += found
            counts[who][1] += total
    first, *_ = readers
    for who in readers:
        found, total = counts[who]
        ratio = "" if who == first else f"   {took[who] / took[first]:.2f} x the time of {first}"
        share = f"{found:6d} of {total:6d} ({found / total:.3f})"
        print(f"{name:18s}{len(pages):4d} pages  {who:18s}{share}{took[who] / len(pages) * 1e3:8.0f} ms{ratio}")


def soak(pages: list[Page], count: int, threads: int) -> None:
    """Read ``count`` pages and print how much memory the process holds on the way."""
    import psutil

    read, process = ours(threads), psutil.Process()
    images = [read_image(path) for path, _ in pages]
    marks = {50, *range(100, count + 1, 100), count}
    base = 0.0
    for number, image in enumerate(itertools.islice(itertools.cycle(images), count), start=1):
        read(image)
        if number in marks:
            held = process.memory_info().rss / 2**20
            base = base or held
            print(f"after {number:5d} pages: {held:7.0f} MiB, {held / base:.3f} of what it was after 50", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[2] / "shared" / "data")
    parser.add_argument("--threads", type=int, default=default_threads())
    parser.add_argument("--pages", type=int, default=0, help="read this many pages and print the memory held")
    parser.add_argument("--limit", type=int, default=0, help="only the first pages of each set")
    args = parser.parse_args()
    documents = args.data / "documents"
    if not documents.is_dir():
        print(f"no documents under {documents}")
        return
    sets = {
        "receipts (SROIE)": receipts(documents / "receipts_sroie"),
        "web (MTWI)": web_pictures(documents / "web_text_zh"),
        "lines (la, zh)": single_lines(documents / "multilingual_lines", ("la", "zh", "ch", "en")),
    }
    sets = {name: pages[: args.limit or None] for name, pages in sets.items() if pages}
    if args.pages:
        soak([page for pages in sets.values() for page in pages], args.pages, args.threads)
        return
    readers = {"sightline": ours(args.threads), "rapidocr directly": peer(args.threads)}
    for name, pages in sets.items():
        compare(name, pages, readers)


if __name__ == "__main__":
    main()
