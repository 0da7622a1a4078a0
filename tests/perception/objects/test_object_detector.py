from __future__ import annotations

import json
import threading
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper, save_model
from skimage.data import astronaut, chelsea
from tests.data import shared_data

from sightline.core.boxes import iou
from sightline.core.errors import InvalidInputError, ModelNotFetchedError
from sightline.media.images import read_image
from sightline.media.sampling import resize
from sightline.perception.objects import ObjectDetector, ObjectNet
from sightline.perception.objects.object_detector import views


def finished_net(path: Path, rows: list[list[float]]) -> ObjectNet:
    """A net of the CenterNet family that finds the same boxes in every picture (64 px input)."""
    table = numpy_helper.from_array(np.array([rows], np.float32), "table")
    nodes = [
        helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMin", ["pixels"], ["least"], keepdims=0),
        helper.make_node("Sub", ["least", "least"], ["zero"]),
        helper.make_node("Add", ["table", "zero"], ["detections"]),
    ]
    graph = helper.make_graph(
        nodes,
        "finished",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, [1, 64, 64, 3])],
        [helper.make_tensor_value_info("detections", TensorProto.FLOAT, [1, len(rows), 6])],
        [table],
    )
    save_model(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return ObjectNet(path, "centernet", (64, 64), ("cat", "dog"), min_score=0.4)


@pytest.fixture
def detector(tmp_path):
    rows = [[16, 16, 32, 32, 0.9, 0], [16, 16, 32, 32, 0.6, 1], [17, 16, 32, 32, 0.8, 0], [40, 40, 90, 60, 0.5, 1], [0, 0, 9, 9, 0.3, 0]]
    return ObjectDetector(finished_net(tmp_path / "tiny.onnx", rows))


@pytest.mark.parametrize("size_wh", [(64, 64), (1, 1), (640, 64), (31, 999)])
def test_boxes_come_back_in_the_picture_once_each(detector, size_wh):
    [found] = detector([np.zeros((size_wh[1], size_wh[0], 3), np.uint8)])
    assert found.names() == ["cat", "dog"]
    scale = np.array(size_wh * 2) / 64
    np.testing.assert_allclose(found.boxes_xyxy, [[16, 16, 32, 32] * scale, [40, 40, 64, 60] * scale], rtol=1e-5)


def test_options_of_a_call_stay_with_it(detector):
    image = np.zeros((64, 64, 3), np.uint8)
    assert len(detector([image], min_score=0.2)[0]) == 3
    assert len(detector([image], several_labels=True)[0]) == 3
    assert len(detector([image], max_count=1)[0]) == 1
    assert len(detector([image], min_score=0.95)[0]) == 0
    assert len(detector([image])[0]) == 2
    assert detector([]) == []


@pytest.mark.parametrize("bad", [{"min_score": 0.0}, {"min_score": 1.5}, {"tile": 8}, {"max_count": 0}])
def test_refuses_bad_options(detector, bad):
    with pytest.raises(InvalidInputError, match="min_score"):
        detector([np.zeros((64, 64, 3), np.uint8)], **bad)


def test_refuses_what_is_no_picture_and_no_model(detector, tmp_path, monkeypatch):
    with pytest.raises(InvalidInputError, match="RGB"):
        detector([np.zeros((64, 64), np.uint8)])
    with pytest.raises(InvalidInputError, match="nanodet"):
        ObjectDetector("yolov99")
    with pytest.raises(InvalidInputError, match="family"):
        ObjectNet(tmp_path / "x.onnx", "ssd")
    with pytest.raises(InvalidInputError, match="32 px"):
        ObjectNet(tmp_path / "x.onnx", input_wh=(8, 8))
    monkeypatch.setenv("SIGHTLINE_HOME", str(tmp_path))
    monkeypatch.delenv("SIGHTLINE_MODELS", raising=False)
    with pytest.raises(ModelNotFetchedError, match="sightline models fetch centernet"):
        ObjectDetector("centernet")


@pytest.mark.parametrize(("size_wh", "tile"), [((1000, 400), 200), ((400, 3000), 300), ((640, 480), 640), ((5000, 300), 900), ((7, 5), 32)])
def test_views_cover_the_picture_and_small_things_whole(size_wh, tile):
    parts = views(size_wh, tile)
    covered = np.zeros(size_wh[::-1], bool)
    for x0, y0, x1, y1 in parts:
        assert 0 <= x0 < x1 <= size_wh[0]
        assert 0 <= y0 < y1 <= size_wh[1]
        covered[y0:y1, x0:x1] = True
    assert covered.all()
    rng = np.random.default_rng(0)
    side = max(min(tile, *size_wh) // 5, 1)
    for _ in range(50):
        x, y = (rng.integers(0, s - side + 1) for s in size_wh)
        assert ((parts[:, :2] <= [x, y]) & (parts[:, 2:] >= [x + side, y + side])).all(axis=1).any()


def test_the_cat_is_a_cat(weights):
    weights("nanodet")
    [cat, none, person] = ObjectDetector()([chelsea(), np.zeros((30, 50, 3), np.uint8), astronaut()])
    assert cat.names()[0] == "cat"
    assert iou(cat.boxes_xyxy[:1], [[0, 0, 451, 300]])[0, 0] > 0.7
    assert len(none) == 0
    assert person.names()[0] == "person"
    assert person.boxes_xyxy[0, 3] > 480


def test_threads_do_not_mix_results(weights):
    weights("nanodet")
    detect, got = ObjectDetector(threads=1), {}
    pictures = {"cat": chelsea(), "person": astronaut()}

    def work(name):
        got[name] = [detect([pictures[name]])[0].names()[0] for _ in range(6)]

    workers = [threading.Thread(target=work, args=(name,)) for name in pictures]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert got == {"cat": ["cat"] * 6, "person": ["person"] * 6}


def hits(found, truth, names):
    """How many of the true boxes are found (IoU 0.5, same class)."""
    labels = np.array([names.index(n) for n in found.names()], int)
    return sum(bool(((iou(found.boxes_xyxy, [box])[:, 0] > 0.5) & (labels == label)).any()) for box, label in truth)


@pytest.fixture(scope="module")
def some_coco():
    """Every ninth picture of the set with its boxes."""
    folder = shared_data("detection/coco_train294")
    table = json.loads((folder / "instances_train2017.json").read_text())
    names = {c["id"]: c["name"] for c in table["categories"]}
    pictures = []
    for row in table["images"][::9]:
        boxes = [a for a in table["annotations"] if a["image_id"] == row["id"] and not a.get("iscrowd")]
        truth = [
            ([b["bbox"][0], b["bbox"][1], b["bbox"][0] + b["bbox"][2], b["bbox"][1] + b["bbox"][3]], names[b["category_id"]]) for b in boxes
        ]
        pictures.append((read_image(folder / "images" / row["file_name"]), truth))
    return pictures


@pytest.mark.parametrize("name", ["nanodet", "centernet", "yolox_nano"])
def test_finds_what_is_in_real_pictures(name, weights, some_coco):
    if name == "yolox_nano":
        detect = ObjectDetector(ObjectNet(shared_data("weights/yolox_nano.onnx"), min_score=0.25))
    else:
        weights(name)
        detect = ObjectDetector(name)
    names = list(detect.label_names)
    found = right = total = 0
    for image, truth in some_coco:
        [detections] = detect([image])
        pairs = [(box, names.index(label)) for box, label in truth]
        total += len(pairs)
        right += hits(detections, pairs, names)
        found += len(detections)
    assert right / total > 0.3  # 0.36..0.41 on the whole set
    assert right / found > 0.55


def test_tiles_find_small_things_on_a_wide_canvas(weights, some_coco):
    weights("nanodet")
    detect = ObjectDetector()
    names = list(detect.label_names)
    canvas, truth = np.full((640, 2560, 3), 114, np.uint8), []
    for place, (image, boxes) in enumerate(p for p in some_coco if 0 < len(p[1]) < 8):
        if place == 32:
            break
        scale = 150 / max(image.shape[:2])
        small = resize(image, (round(image.shape[1] * scale), round(image.shape[0] * scale)))
        x, y = 160 * (place % 16), 320 * (place // 16)
        canvas[y : y + small.shape[0], x : x + small.shape[1]] = small
        truth += [(np.array(box) * scale + [x, y, x, y], names.index(label)) for box, label in boxes]
    whole, tiled = detect([canvas])[0], detect([canvas], tile=320)[0]
    assert hits(tiled, truth, names) > 1.5 * hits(whole, truth, names)
    clash = iou(tiled.boxes_xyxy, tiled.boxes_xyxy) * (tiled.labels[:, None] == tiled.labels)
    assert (clash[~np.eye(len(tiled), dtype=bool)] <= 0.5).all()
