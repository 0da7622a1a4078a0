"""How often the gesture classifier is right, on three sets of pictures and key points.

    python -m benchmarks.gestures --data shared/data [--json]

``hagrid_mini`` (40 photos) and ``sign_digits`` (300 pictures of 100 x 100) run from the picture to the name, so a hand that is not
found counts as missed; ``hand_keypoints_csv`` holds landmarks without depth. The models were fitted on half of each class of
the last two (recipes/gestures.py): the table counts the other half only, and of ``hagrid_mini`` everything.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from recipes.gestures import KEYPOINT_BLOCK, fitted_pictures, keypoint_samples

from sightline.core.observations import Hands
from sightline.media.images import read_image
from sightline.perception.hands import GestureClassifier, HandPose, PalmDetector, distinct_hands

DIGIT_GESTURES = {
    "0": {"unknown"},
    "1": {"point"},
    "2": {"victory"},
    "3": {"three"},
    "4": {"four"},
    "5": {"open_palm"},
    "6": {"three"},
    "7": {"unknown"},
    "8": {"unknown"},
    "9": {"ok"},
}
# The pictures of "none" show a raised finger or a thumb turned down, in no fixed order: they only count against the others.
HAGRID_GESTURES = {"call": {"call_me"}, "four": {"four"}, "rock": {"rock"}, "none": {"point", "thumb_down", "fist", "unknown"}}
KEYPOINT_GESTURES = {0: {"open_palm"}, 1: {"fist"}, 2: {"point"}}
Outcome = tuple[str, str]


class Eyes:
    """From a picture to the names of what its hands show."""

    def __init__(self) -> None:
        self._palms, self._pose, self._name = PalmDetector(thorough=True), HandPose(), GestureClassifier()

    def gestures(self, path: Path) -> list[str]:
        """Return the gestures of one picture, the largest hand first."""
        images = [read_image(path)]
        [hands] = self._pose(images, self._palms(images))
        hands = self._name(distinct_hands(hands))
        sizes = (hands.boxes_xyxy[:, 2:] - hands.boxes_xyxy[:, :2]).prod(axis=1)
        return names(hands[np.argsort(-sizes)])


def names(hands: Hands) -> list[str]:
    return [hands.gesture_names[i] for i in hands.gestures] if hands.gestures is not None else []


def photos(folder: Path) -> Iterator[Outcome]:
    """Yield what is shown and what was said; a photo counts as right when one of its hands shows it."""
    eyes = Eyes()
    for kind, right in HAGRID_GESTURES.items():
        for path in sorted((folder / kind).iterdir()):
            said = eyes.gestures(path)
            yield kind, next((s for s in said if s in right), said[0] if said else "no hand")


def digits(folder: Path) -> Iterator[Outcome]:
    eyes = Eyes()
    for digit in DIGIT_GESTURES:
        for path in fitted_pictures(folder / digit, fitted=False):
            yield digit, next(iter(eyes.gestures(path)), "no hand")


def keypoints(path: Path) -> Iterator[Outcome]:
    samples = keypoint_samples(path).half(KEYPOINT_BLOCK, fitted=False)
    points = np.concatenate([samples.points, np.zeros((len(samples.points), 21, 1))], axis=2)
    name, shown = GestureClassifier(), ["Open", "Close", "Pointer"]
    for label, row in zip(samples.labels, points, strict=True):
        yield shown[label], names(name(Hands(np.zeros((1, 4)), np.ones(1), points_xyz=row[None])))[0]


def summary(outcomes: list[Outcome], right: dict[str, set[str]]) -> dict[str, Any]:
    """Return counts a class and over all: right, unknown, wrong, no hand found."""
    table = {}
    for shown in dict.fromkeys(kind for kind, _ in outcomes):
        said = Counter(s for kind, s in outcomes if kind == shown)
        table[shown] = {"count": said.total(), "right": sum(said[s] for s in right[shown]), "said": dict(said.most_common())}
    total, hits = len(outcomes), sum(row["right"] for row in table.values())
    said_all = [(kind, s) for kind, s in outcomes if s not in right[kind]]
    return {
        "count": total,
        "right": hits,
        "accuracy": round(hits / total, 4),
        "no_hand": sum(s == "no hand" for _, s in said_all),
        "unknown": sum(s == "unknown" for _, s in said_all),
        "wrong": sum(s not in ("unknown", "no hand") for _, s in said_all),
        "classes": table,
    }


def measure(data: Path) -> dict[str, Any]:
    people = data / "people"
    keypoint_names = dict(zip(["Open", "Close", "Pointer"], KEYPOINT_GESTURES.values(), strict=True))
    return {
        "hagrid_mini": summary(list(photos(people / "hagrid_mini")), HAGRID_GESTURES),
        "sign_digits, other half": summary(list(digits(people / "sign_digits")), DIGIT_GESTURES),
        "hand_keypoints_csv, other half": summary(
            list(keypoints(people / "hand_keypoints_csv/keypoint_classifier/keypoint.csv")), keypoint_names
        ),
    }


def show(results: dict[str, Any]) -> None:
    for name, result in results.items():
        print(
            f"{name}: {result['right']} of {result['count']} right ({result['accuracy']:.1%}); of the others "
            f"{result['no_hand']} no hand found, {result['unknown']} unknown, {result['wrong']} wrong"
        )
        for shown, row in result["classes"].items():
            said = ", ".join(f"{s} {n}" for s, n in row["said"].items())
            print(f"  {shown:8} {row['right']:4} of {row['count']:4}: {said}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the measuring data")
    parser.add_argument("--json", action="store_true", help="print JSON alone")
    options = parser.parse_args()
    results = measure(options.data)
    if options.json:
        print(json.dumps(results))
    else:
        show(results)


if __name__ == "__main__":
    main()
