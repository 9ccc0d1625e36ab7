"""Points of the plane, where a game can be watched: two toy worlds, and a file of the user's own."""

import csv
from abc import abstractmethod
from dataclasses import asdict, dataclass
from functools import cached_property
from math import pi
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import TensorDataset

from gan_lightning.data.images import ImageData
from gan_lightning.errors import UserError
from gan_lightning.randomness import POINTS, mix

MARGIN = 1.25
"""How far the plane reaches, in distances of the farthest point from its centre."""


TESTS = 10_000
"""Points of a mixture that are drawn to judge samples by."""


@dataclass(frozen=True)
class Plane:
    """The part of the plane in which a game is played: what the networks see as [-1, 1] x [-1, 1].

    Args:
        centre: Its middle (x, y), in the user's units.
        extent: From there to its borders, along x and along y.
        names: What the axes are called.
    """

    centre: tuple[float, float] = (0.0, 0.0)
    extent: tuple[float, float] = (1.0, 1.0)
    names: tuple[str, str] = ("x", "y")

    def limits(self) -> str:
        """Its borders, in words."""
        sides = zip(self.names, self.centre, self.extent, strict=True)
        return ", ".join(f"{name} from {c - e:g} to {c + e:g}" for name, c, e in sides)

    def images(self, points: Tensor) -> Tensor:
        """Points (N, 2) in the user's units as images (N, 2, 1, 1) for the networks, float32."""
        centre, extent = torch.tensor([self.centre, self.extent], dtype=torch.float64)
        return ((points.double() - centre) / extent).float()[:, :, None, None]

    def points(self, images: Tensor) -> Tensor:
        """Images (N, 2, 1, 1) as points (N, 2) in the user's units, float64 on the CPU."""
        centre, extent = torch.tensor([self.centre, self.extent], dtype=torch.float64)
        return images.detach().cpu().double().flatten(1) * extent + centre

    @classmethod
    def around(cls, points: Tensor, names: tuple[str, str] = ("x", "y")) -> "Plane":
        """The plane of points (N, 2): centred between the outermost, with a margin."""
        low, high = points.min(0).values.double(), points.max(0).values.double()
        half = (high - low) / 2
        half = torch.where(half > 0, half, 1.0)  # all in one line
        (x, y), (wide, tall) = ((low + high) / 2).tolist(), (MARGIN * half).tolist()
        return cls((x, y), (wide, tall), names)

    @classmethod
    def in_checkpoint(cls, content: dict[str, Any]) -> "Plane | None":
        """The plane that a checkpoint's data left in it; None if it was trained on something else."""
        for state in content.values():
            if isinstance(state, dict) and isinstance(words := state.get("plane"), dict):
                centre, extent, names = (tuple(words[key]) for key in ("centre", "extent", "names"))
                return cls(centre, extent, names)
        return None


class PointData(ImageData):
    """Points of the plane for a GAN, as images of two channels and one pixel. A subclass says where they are: `points`.

    The networks see floats in [-1, 1]; `plane` knows the way back to the user's units, and checkpoints hold it.

    Args:
        batch_size: Points of one iteration on each process. The discriminator's steps share them.
        seed: Fixes the order of the points.
        classes: How many classes the labels tell apart; 0 for data without labels.
        held_out: The share of the points that is not trained on, but kept to judge samples by; always the same ones.
    """

    plane: Plane

    def __init__(self, batch_size: int = 256, seed: int = 0, classes: int = 0, held_out: float = 0.0) -> None:
        super().__init__((2, 1, 1), batch_size, seed, classes=classes, held_out=held_out)

    @abstractmethod
    def points(self) -> tuple[Tensor, Tensor]:
        """Points (N, 2) in the user's units, float64, and labels (N,) int64, zeros where there are none."""

    def load(self) -> TensorDataset:
        points, labels = self.points()
        images = self.plane.images(points)
        outside = (images.abs() > 1).flatten(1).any(1)
        if outside.any():
            far = ", ".join(f"{value:g}" for value in points[outside][0].tolist())
            raise UserError(
                f"{int(outside.sum())} of {len(points)} points lie outside of the plane that the checkpoint was "
                f"trained on ({self.plane.limits()}), first ({far}): go on with points inside it, or begin anew"
            )
        return TensorDataset(images, labels)

    def as_floats(self, x: Tensor) -> Tensor:
        return x

    def state_dict(self) -> dict[str, Any]:
        return {"plane": asdict(self.plane)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Goes on in the plane of the checkpoint, whatever the points are now: the networks have learnt in it."""
        plane = Plane.in_checkpoint({"data": state_dict})
        if plane not in (None, self.plane):
            self.plane = plane
            self.source = self.left_out = None
            self.setup("fit")


class Mixture(PointData):
    """Points of equally many round Gaussians. The label of a point is its mode's number.

    Args:
        means: The modes' centres (K, 2).
        deviation: The standard deviation of each mode, along x and along y.
        count: How many points.
        batch_size: Points of one iteration on each process.
        seed: Fixes the points and their order.
    """

    def __init__(self, means: Tensor, deviation: float, count: int, batch_size: int, seed: int) -> None:
        if count < 1:
            raise UserError(f"data.count is {count}; it must be at least 1")
        super().__init__(batch_size, seed, classes=len(means))
        self.means, self.deviation, self.count = means.double(), deviation, count
        reach = MARGIN * self.means.abs().max().item()
        self.plane = Plane(extent=(reach, reach))

    def points(self) -> tuple[Tensor, Tensor]:
        return self.draw(self.count, mix(self.seed, POINTS))

    def load_test(self) -> TensorDataset:
        """Fresh points of the same law."""
        points, labels = self.draw(TESTS, mix(self.seed, POINTS, 1))
        return TensorDataset(self.plane.images(points), labels)

    def draw(self, count: int, seed: int) -> tuple[Tensor, Tensor]:
        """Fresh points (count, 2) of the same law, and their modes (count,)."""
        draws = torch.Generator().manual_seed(seed)
        modes = torch.randint(len(self.means), (count,), generator=draws)
        noise = torch.randn(count, 2, generator=draws, dtype=torch.float64)
        return self.means[modes] + self.deviation * noise, modes


class Ring(Mixture):
    """Eight Gaussians of standard deviation 0.01 on a circle of radius 1.

    Lin et al., "PacGAN: the power of two samples in generative adversarial networks", 2018, Section 4.1.
    https://arxiv.org/abs/1712.04086

    Args:
        count: How many points. Each epoch shows all of them.
        batch_size: Points of one iteration on each process. The discriminator's steps share them.
        seed: Fixes the points and their order.
    """

    def __init__(self, count: int = 100_000, batch_size: int = 256, seed: int = 0) -> None:
        angles = torch.arange(8) * (2 * pi / 8)
        super().__init__(torch.stack([angles.cos(), angles.sin()], 1), 0.01, count, batch_size, seed)


class Grid(Mixture):
    """25 Gaussians of standard deviation 0.05 at the points {-4, -2, 0, 2, 4} x {-4, -2, 0, 2, 4}.

    Lin et al., "PacGAN: the power of two samples in generative adversarial networks", 2018, Section 4.1.
    https://arxiv.org/abs/1712.04086

    Args:
        count: How many points. Each epoch shows all of them.
        batch_size: Points of one iteration on each process. The discriminator's steps share them.
        seed: Fixes the points and their order.
    """

    def __init__(self, count: int = 100_000, batch_size: int = 256, seed: int = 0) -> None:
        steps = torch.arange(-4, 5, 2)
        super().__init__(torch.cartesian_prod(steps, steps), 0.05, count, batch_size, seed)


class Points(PointData):
    """Points of one's own: a file of two columns. Pictures and samples have its units.

    A `.csv` holds a point a line, two numbers with a comma between them; a first line that is no numbers names the
    axes. A `.npy` holds an array (N, 2) of numbers.

    Args:
        path: The file.
        batch_size: Points of one iteration on each process. The discriminator's steps share them.
        seed: Fixes the order of the points.
        held_out: The share of the points that is not trained on, but kept to judge samples by; always the same ones.
    """

    def __init__(self, path: str, batch_size: int = 256, seed: int = 0, held_out: float = 0.0) -> None:
        super().__init__(batch_size, seed, held_out=held_out)
        self.path = Path(path)
        readers = {".csv": read_csv, ".npy": read_npy}
        if self.path.suffix.lower() not in readers:
            raise UserError(f"data.path is {path}; it must end in .csv or .npy")
        if not self.path.is_file():
            raise UserError(f"data.path is {path}, which is {'a folder' if self.path.is_dir() else 'not there'}")
        self.read = readers[self.path.suffix.lower()]

    @cached_property
    def file(self) -> tuple[Tensor, tuple[str, str]]:
        """The points (N, 2) and the names of the axes."""
        array, names = self.read(self.path)
        if array.ndim != 2 or array.shape[1] != 2 or not len(array):
            what = f"an array of shape {array.shape}" if len(array) else "no points"
            raise UserError(f"{self.path} holds {what}; data.path must hold points (N, 2)")
        if not (good := np.isfinite(array).all(1)).all():
            first = int(good.argmin())
            raise UserError(
                f"point {first} in {self.path}, counted from 0, is {tuple(array[first].tolist())}; "
                "the coordinates in data.path must be finite"
            )
        return torch.from_numpy(array), names

    @cached_property
    def plane(self) -> Plane:  # type: ignore[override]
        return Plane.around(*self.file)

    def points(self) -> tuple[Tensor, Tensor]:
        points, _ = self.file
        return points, torch.zeros(len(points), dtype=torch.int64)


def read_npy(path: Path) -> tuple[np.ndarray, tuple[str, str]]:
    """An array of numbers as float64."""
    try:
        array = np.load(path, allow_pickle=False)
        return array.astype(np.float64, casting="same_kind" if array.dtype.kind == "f" else "safe"), ("x", "y")
    except (ValueError, TypeError, EOFError, OSError) as error:
        raise UserError(f"{path} cannot be read ({error}): data.path must hold an array (N, 2) of numbers") from error


def read_csv(path: Path) -> tuple[np.ndarray, tuple[str, str]]:
    """A point a line as float64 (N, 2), and the names in the first line if it has names."""
    names, rows = ("x", "y"), []
    with open(path, newline="", encoding="utf-8-sig", errors="replace") as file:
        for number, cells in enumerate(csv.reader(file), start=1):
            if not cells:
                continue
            if len(cells) != 2:
                raise UserError(f"line {number} of {path} has {len(cells)} columns; data.path must have 2: x,y")
            try:
                rows.append([float(cells[0]), float(cells[1])])
            except ValueError:
                if number > 1:
                    raise UserError(
                        f"line {number} of {path} is {','.join(cells)}; data.path must have two numbers in each line"
                    ) from None
                names = (cells[0].strip(), cells[1].strip())
    return np.array(rows, dtype=np.float64).reshape(-1, 2), names
