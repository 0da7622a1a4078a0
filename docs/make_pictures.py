"""Makes the pictures of the guide and the README with Sightline itself.

    python docs/make_pictures.py [--data ../shared/data]

Sources: scikit-image's samples (NASA's portrait of Eileen Collins, a page, a street sign made here) and, where the measuring data is
there, stock photos of models that may be shown (people/azure_face_samples, MIT). Without them the pictures made from them are kept.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from skimage.data import astronaut, page

from sightline import Findings, Follower, Looker, Options
from sightline.analysis.picture import annotate
from sightline.core.frame import Frame, Image
from sightline.media import draw, read_image, resize, write_image
from sightline.media.drawing import DrawStyle
from sightline.perception.faces import contour_points

PICTURES = Path(__file__).parent / "pictures"
ROOT = Path(__file__).parents[1]


def save(name: str, image: Image, max_side: int = 1000) -> None:
    """Write one picture, reduced."""
    scale = min(1.0, max_side / max(image.shape[:2]))
    small = resize(image, (round(image.shape[1] * scale), round(image.shape[0] * scale)))
    write_image(PICTURES / f"{name}.jpg", small, quality=86)


def enlarged(image: Image, factor: int = 2) -> Image:
    """Return the picture larger, so that thin lines show."""
    return resize(image, (image.shape[1] * factor, image.shape[0] * factor))


def faces(looker: Looker, portrait: Image) -> None:
    """Two views of one face: contours, and the 240 named points."""
    crop = np.ascontiguousarray(enlarged(portrait[20:220, 130:330], 3))
    found = looker.faces(crop)
    points = draw(crop, found, style=DrawStyle(boxes=False, labels=False, face="points"))
    named = crop.copy()
    for x, y in contour_points(found.mesh_xyz, "240")[0]:
        named[int(y) - 2 : int(y) + 2, int(x) - 2 : int(x) + 2] = (255, 210, 0)
    save("faces", np.hstack([draw(crop, found), points, named]), 1400)


def tracking(looker: Looker, portrait: Image) -> None:
    """Ids that stay: three moments of one video."""
    follower = Follower(looker)
    moments = []
    for index in range(41):
        image = np.ascontiguousarray(np.roll(portrait, 3 * index - 60, axis=1))
        moment = follower.update(Frame(image, index, index / 25))
        if index in (0, 20, 40):
            moments.append(annotate(image, Findings(faces=moment.findings.faces)))
    save("tracking", np.hstack(moments), 1200)


def people(looker: Looker, picture: Image) -> None:
    """A matte, and the person on plain ground."""
    matte = looker.people(picture)[..., None] / 255
    cut = (picture * matte + np.array([240, 244, 248]) * (1 - matte)).astype(np.uint8)
    grey = (matte * 255).astype(np.uint8).repeat(3, axis=2)
    save("people", np.hstack([picture, grey, cut]), 1400)


def main() -> None:
    """Make all pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    samples = parser.parse_args().data / "people" / "azure_face_samples"
    PICTURES.mkdir(exist_ok=True)
    looker = Looker(Options(tiled=False))
    portrait = enlarged(astronaut())
    save("portrait", annotate(portrait, looker.look(portrait)))
    faces(looker, astronaut())
    tracking(looker, astronaut())
    people(looker, astronaut())
    text = enlarged(page()[..., None].repeat(3, axis=2))
    save("text", draw(text, looker.text(text)))
    if samples.is_dir():
        sitting = enlarged(read_image(samples / "detection2.jpg"))
        save("overview", annotate(sitting, looker.look(sitting)), 1200)
        save("bodies", draw(sitting, looker.bodies(sitting)))
        save("objects", draw(sitting, looker.objects(sitting)))
        pair = enlarged(read_image(samples / "test-image-person-group.jpg"))
        save("hands", draw(pair, looker.hands(pair)))
    looker.close()


if __name__ == "__main__":
    main()
