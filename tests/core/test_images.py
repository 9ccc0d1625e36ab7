"""Pictures with labels, and animations."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_lightning.core.images import labelled_tiles, picture, save, save_animation


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_images_with_labels_are_enlarged_evenly_each_above_its_label(channels):
    pixels = np.random.default_rng(0).integers(1, 256, (3, 4, 4, channels), dtype=np.uint8)
    image = labelled_tiles(pixels, ["7: 0.93", "8: 1.20", "9"], columns=2)
    factor = (image.width // 2 - 2) // picture(pixels[0]).width
    corner = image.crop((0, 0, picture(pixels[0]).width * factor, 4 * factor))
    assert factor > 4
    assert (np.asarray(corner)[::factor, ::factor] == np.asarray(picture(pixels[0]))).all()
    below = np.asarray(image.crop((0, 4 * factor, image.width, 4 * factor + 13)))
    assert below.max() > 200, "the label"


def frame(path: Path, grey: int, size: tuple[int, int] = (40, 30)) -> Path:
    save(Image.new("L", size, grey), path)
    return path


def greys(film: Path) -> list[int]:
    """The grey of each frame, rounded to the few that a film has."""
    with Image.open(film) as animation:
        found = []
        for i in range(animation.n_frames):  # type: ignore[attr-defined]
            animation.seek(i)
            found.append(animation.convert("L").getpixel((0, 0)))
        return found


@pytest.mark.parametrize("content", [b"", b"\0" * 100, b"GIF89a", None])
def test_a_film_leaves_out_frames_that_are_damaged_or_of_another_size(content, tmp_path):
    frames = [frame(tmp_path / f"{grey}.png", grey) for grey in (0, 51, 102, 153)]
    if content is None:
        frame(frames[1], 51, size=(40, 31))
    else:
        frames[1].write_bytes(content)
    assert save_animation(tmp_path / "film.gif", frames, ["a", "b", "c", "d"]) == [frames[1]]
    assert greys(tmp_path / "film.gif") == [0, 102, 153]


def test_a_film_of_damaged_frames_is_not_written(tmp_path):
    (tmp_path / "0.png").write_bytes(b"")
    assert save_animation(tmp_path / "film.gif", [tmp_path / "0.png"], None) == [tmp_path / "0.png"]
    assert not (tmp_path / "film.gif").exists()
