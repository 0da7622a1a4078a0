"""Mattes of people in real pictures."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from skimage.data import astronaut, coffee
from tests.data import shared_data

from sightline.core.errors import InvalidInputError
from sightline.core.observations import Bodies
from sightline.perception.people import PersonMatte, refine_matte

MODELS = ("person_detector", "body_pose", "movenet_multipose", "selfie_square", "selfie_landscape")


def person() -> np.ndarray:
    return np.ascontiguousarray(astronaut())


def far_person() -> np.ndarray:
    canvas = np.full((720, 1280, 3), 90, np.uint8)
    canvas[464:720, 900:1156] = astronaut()[::2, ::2]
    return canvas


@pytest.fixture(scope="module")
def matte(weights) -> PersonMatte:
    weights(*MODELS)
    return PersonMatte(threads=1)


@pytest.fixture(scope="module")
def coarse(weights) -> PersonMatte:
    weights(*MODELS)
    return PersonMatte(refine=False, threads=1)


def test_a_person_near(matte: PersonMatte) -> None:
    [mask] = matte([person()])
    assert (mask.shape, mask.dtype) == ((512, 512), np.uint8)
    for y, x in ((150, 220), (330, 180), (60, 225)):  # face, chest, hair
        assert mask[y, x] > 230
    for y, x in ((60, 60), (60, 400), (20, 330)):  # flag, rocket, backdrop
        assert mask[y, x] < 25


def test_a_person_far(matte: PersonMatte) -> None:
    [mask] = matte([far_person()])
    assert mask[464 + 75, 900 + 110] > 200
    assert (mask[:, :880] < 25).all()
    assert 0.01 < (mask > 127).mean() < 0.08


def test_no_person_is_an_empty_matte(matte: PersonMatte) -> None:
    masks = matte([np.ascontiguousarray(coffee()), np.zeros((1, 1, 3), np.uint8), np.zeros((1, 90, 3), np.uint8)])
    assert [m.shape for m in masks] == [(400, 600), (1, 1), (1, 90)]
    assert not any(m.any() for m in masks)
    assert matte([]) == []


def test_masks_that_are_known_are_used(coarse: PersonMatte) -> None:
    known = np.zeros((1, 720, 1280), np.uint8)
    known[0, 500:600, 950:1050] = 255
    bodies = Bodies(np.array([[950, 500, 1050, 600]]), np.ones(1), masks=known)
    [mask] = coarse([far_person()], [bodies])
    np.testing.assert_array_equal(mask, known[0])
    assert not coarse([far_person()], [Bodies.empty()])[0].any()


def test_bodies_without_masks_are_looked_at(coarse: PersonMatte) -> None:
    box = Bodies(np.array([[900, 464, 1130, 900]]), np.ones(1))
    [mask] = coarse([far_person()], [box])
    assert mask[464 + 75, 900 + 110] > 200


def test_a_batch_is_its_pictures_one_by_one_and_threads_do_not_mix(matte: PersonMatte) -> None:
    images = [person(), far_person(), np.zeros((30, 40, 3), np.uint8)]
    together = matte(images)
    with ThreadPoolExecutor(3) as pool:
        alone = list(pool.map(lambda image: matte([image])[0], images))
    for a, b in zip(together, alone, strict=True):
        assert np.abs(a.astype(int) - b).max() <= 2


def test_refuses_what_does_not_fit(coarse: PersonMatte) -> None:
    with pytest.raises(InvalidInputError, match="one Bodies a picture"):
        coarse([person()], [])
    small = Bodies(np.array([[0, 0, 5, 5]]), np.ones(1), masks=np.full((1, 5, 5), 255, np.uint8))
    with pytest.raises(InvalidInputError, match="picture's size"):
        coarse([person()], [small])
    with pytest.raises(InvalidInputError, match="cell_px"):
        refine_matte(person(), np.zeros((512, 512), np.uint8), 0.0)


def test_refining_sharpens_a_blocky_outline() -> None:
    """A disc in noise, its mask taken at a twelfth of the size and blown up again: the outline comes back."""
    rows, columns = np.mgrid[:240, :320]
    truth = np.hypot(rows - 120, columns - 160) < 80
    noise = np.random.default_rng(4).integers(-12, 13, (240, 320, 3))
    image = np.clip(np.where(truth[..., None], (190, 120, 90), (80, 110, 140)) + noise, 0, 255).astype(np.uint8)
    blocky = np.kron((truth.reshape(20, 12, 320).mean(axis=1).reshape(20, -1, 10).mean(axis=2) > 0.5), np.ones((12, 10))) * 255
    blocky = np.ascontiguousarray(blocky.astype(np.uint8))
    refined = refine_matte(image, blocky, 11.0)

    def wrong(mask: np.ndarray) -> int:
        return int(((mask > 127) != truth).sum())

    assert wrong(refined) < 0.35 * wrong(blocky)


def test_people_of_the_measuring_data(coarse: PersonMatte, matte: PersonMatte) -> None:
    """Every sixth picture of people/human_seg: mean IoU (0.90 on all when it was built)."""
    from sightline.media.images import read_image

    folder = shared_data("people/human_seg")
    paths = sorted((folder / "images").iterdir())[::6]
    images = [read_image(p) for p in paths]
    truths = [read_image(folder / "masks" / f"{p.stem}.png")[:, :, 0] > 0 for p in paths]
    for net in (coarse, matte):
        found = [((m > 127) & t).sum() / max(((m > 127) | t).sum(), 1) for m, t in zip(net(images), truths, strict=True)]
        assert np.mean(found) > 0.82
