"""Pictures of samples beside real images."""

from pathlib import Path

import pytest
import torch
from PIL import Image

from gan_lightning.core.images import beside_nearest, save, save_animation, to_uint8
from gan_lightning.evaluation.metrics import memorisation, nearest


def images(n: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(n, 1, 4, 4, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_an_exact_copy_comes_first_with_its_original_beside_it():
    real, held_out, made = images(50), images(50, 1), images(9, 2)
    made[7] = real[31]
    report = memorisation(real.flatten(1), held_out.flatten(1), made.flatten(1))
    _, neighbours = nearest(made.flatten(1), real.flatten(1), 3)
    pixels = beside_nearest(made, real, neighbours, report.ratio, rows=2)
    assert pixels.shape == (2 * 5 - 1, 4 * 5 - 1, 1)
    copy, second = to_uint8(made[7:8])[0], int(report.ratio.argsort()[1])
    assert (pixels[:4, :4] == copy).all()
    assert (pixels[:4, 5:9] == copy).all()
    for column, index in enumerate(neighbours[7].tolist()):
        assert (pixels[:4, 5 * column + 5 : 5 * column + 9] == to_uint8(real[index : index + 1])[0]).all()
    assert (pixels[5:9, :4] == to_uint8(made[second : second + 1])[0]).all()


def test_fewer_samples_than_rows_make_a_smaller_picture():
    made = images(2)
    pixels = beside_nearest(made, made, torch.tensor([[0, 1], [1, 0]]), torch.zeros(2))
    assert pixels.shape == (9, 14, 1)


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
