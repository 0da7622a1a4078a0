"""Fit the linear models in ``sightline/perception/hands/gestures.json`` that tell what each finger does.

Data, both Apache-2.0: the Sign Language Digits pictures (Ankara Ayrancı Anadolu High School; ten hand shapes, which say
what every finger does) and the key points of Kazuhito00's hand-gesture-recognition-using-mediapipe (open, closed, pointing).
Half of each class is fitted and half is left for ``benchmarks/gestures.py``: every other picture (of 218 pupils), and every
other run of 50 key points (they are frames in the order they were taken; neighbours look alike)::

    python -m recipes.gestures --digits sign_digits --keypoints keypoint.csv

The run takes under a minute on a processor and ends with the same numbers each time.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.media.images import read_image
from sightline.perception.hands import HandPose, PalmDetector, distinct_hands
from sightline.perception.hands.fingers import expand, finger_features, pinch_features, thumb_features

Doubles = NDArray[np.float64]
TABLE = Path(__file__).resolve().parents[1] / "src/sightline/perception/hands/gestures.json"
DIGIT_BLOCK, KEYPOINT_BLOCK = 1, 50
_HALF = (0.0, 0.5, 0.5)
_STATES: dict[str, tuple[float, float, float]] = {"o": (1, 0, 0), "b": (0, 1, 0), "f": (0, 0, 1), "h": _HALF}

# Index, middle, ring, little finger: out, bent, folded, half (it meets the thumb over the palm: bent or folded); then
# the thumb: out, in, or unknown; then whether thumb and index finger pinch.
DIGITS = {
    0: ("bbbb", None, True),
    1: ("offf", False, False),
    2: ("ooff", False, False),
    3: ("ooff", True, False),
    4: ("oooo", False, False),
    5: ("oooo", True, False),
    6: ("oooh", False, False),
    7: ("ooho", False, False),
    8: ("ohoo", False, False),
    9: ("booo", None, True),
}
KEYPOINTS = {0: ("oooo", True, False), 1: ("ffff", False, None), 2: ("offf", None, False)}


@dataclass(frozen=True)
class GestureFit:
    """Settings of the fit.

    Parameters
    ----------
    decay : float
        Weight of the squared weights in the loss; keeps probabilities from going to 0 and 1 on separable data.
    steps : int
        Steps of gradient descent.
    rate : float
        Step length.
    momentum : float
        Share of the last step that is kept.
    """

    decay: float = 3e-4
    steps: int = 3000
    rate: float = 0.5
    momentum: float = 0.9


def default() -> GestureFit:
    """Return the settings that the shipped table was fitted with."""
    return GestureFit()


@dataclass(frozen=True)
class Samples:
    """Landmarks and what they show: ``points`` (n, 21, 2 or 3), ``labels`` (n,), ``meaning`` of each label."""

    points: Doubles
    labels: NDArray[np.int64]
    meaning: dict[int, tuple[str, bool | None, bool | None]]

    def half(self, block: int, *, fitted: bool) -> Samples:
        """Return the half that is fitted, or the other one: of every class, blocks of so many rows in turn."""
        keep = np.zeros(len(self.labels), bool)
        for label in np.unique(self.labels):
            rows = np.flatnonzero(self.labels == label)
            keep[rows[is_fitted(len(rows), block) == fitted]] = True
        return Samples(self.points[keep], self.labels[keep], self.meaning)


def is_fitted(count: int, block: int) -> NDArray[np.bool_]:
    """Return which of the rows of one class are fitted: every other block, the first one among them."""
    return np.arange(count) // block % 2 == 0


def fitted_pictures(folder: Path, *, fitted: bool) -> list[Path]:
    """Return the pictures of one class that are fitted, or the other ones."""
    paths = sorted(folder.iterdir())
    return [path for path, used in zip(paths, is_fitted(len(paths), DIGIT_BLOCK), strict=True) if used == fitted]


def digit_samples(folder: Path) -> tuple[Samples, int]:
    """Return the landmarks of the sign pictures that are fitted, and in how many no hand was found."""
    palms, pose = PalmDetector(thorough=True), HandPose()
    points, labels, missed = [], [], 0
    for digit in DIGITS:
        for path in fitted_pictures(folder / str(digit), fitted=True):
            images = [read_image(path)]
            [hands] = pose(images, palms(images))
            hands = distinct_hands(hands)
            if len(hands) == 0 or hands.points_xyz is None:
                missed += 1
                continue
            points.append(hands.points_xyz[0])
            labels.append(digit)
    return Samples(np.array(points, np.float64), np.array(labels), DIGITS), missed


def keypoint_samples(path: Path) -> Samples:
    """Return the landmarks of the table of key points (two dimensions)."""
    rows = np.loadtxt(path, delimiter=",")
    return Samples(rows[:, 1:].reshape(-1, 21, 2), rows[:, 0].astype(np.int64), KEYPOINTS)


def fit(parts: list[Samples], config: GestureFit) -> dict[str, Any]:
    """Return the three linear models of ``gestures.json``."""
    return {
        "finger": _fit_one(parts, lambda p: finger_features(p).reshape(-1, 5), _finger_targets, config),
        "thumb": _fit_one(parts, thumb_features, lambda m: _two_way(m[1]), config),
        "pinch": _fit_one(parts, pinch_features, lambda m: _two_way(m[2]), config),
    }


def _finger_targets(meaning: tuple[str, bool | None, bool | None]) -> Doubles:
    return np.array([_STATES[letter] for letter in meaning[0]])


def _two_way(answer: bool | None) -> Doubles:
    return np.array([(float("nan"),) * 2 if answer is None else (float(answer), float(not answer))])


def _fit_one(
    parts: list[Samples], features: Callable[[Doubles], Doubles], target: Callable[[Any], Doubles], config: GestureFit
) -> dict[str, Any]:
    x = np.concatenate([features(part.points) for part in parts])
    y = np.concatenate([np.concatenate([target(part.meaning[int(label)]) for label in part.labels]) for part in parts])
    known = np.isfinite(y).all(axis=1)
    x, y = x[known], y[known]
    mean, scale = x.mean(axis=0), x.std(axis=0)
    inputs = expand((x - mean) / scale)
    importance = (y / y.sum(axis=0)).sum(axis=1)
    weights = _descend(inputs, y, importance / importance.sum(), config)
    return {"mean": mean.round(4).tolist(), "scale": scale.round(4).tolist(), "weights": weights.round(4).tolist()}


def _descend(x: Doubles, y: Doubles, importance: Doubles, config: GestureFit) -> Doubles:
    weights = np.zeros((x.shape[1], y.shape[1]))
    step = np.zeros_like(weights)
    keep = np.ones((len(weights), 1))
    keep[-1] = 0
    for _ in range(config.steps):
        logits = x @ weights
        p = np.exp(logits - logits.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        gradient = x.T @ ((p - y) * importance[:, None]) + config.decay * keep * weights
        step = config.momentum * step - config.rate * gradient
        weights += step
    return weights


def main() -> None:
    """Fit and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--digits", type=Path, required=True, help="folder with one folder of pictures for each digit")
    parser.add_argument("--keypoints", type=Path, required=True, help="keypoint.csv")
    parser.add_argument("--table", type=Path, default=TABLE, help="the table whose models are replaced")
    options = parser.parse_args()
    digits, missed = digit_samples(options.digits)
    flat = Samples(digits.points[..., :2], digits.labels, digits.meaning)
    keypoints = keypoint_samples(options.keypoints).half(KEYPOINT_BLOCK, fitted=True)
    table = json.loads(options.table.read_text("utf-8"))
    table["model"] = {"fit": asdict(default()), **fit([digits, flat, keypoints], default())}
    options.table.write_text(json.dumps(table, indent=1, ensure_ascii=False) + "\n", "utf-8")
    print(f"fitted on {len(digits.labels)} pictures (no hand found in {missed}) and {len(keypoints.labels)} rows of key points")  # noqa: T201


if __name__ == "__main__":
    main()
