"""Points of the plane as data for a GAN whose training can be watched."""

import csv
from abc import abstractmethod
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, TensorDataset

from gan_lightning.core.errors import UserError
from gan_lightning.data.identity import identify
from gan_lightning.data.image_data import ImageData
from gan_lightning.data.plane import Plane


class PointData(ImageData):
    """Points of the plane for a GAN, as images of two channels and one pixel. A subclass provides them in `points`.

    The networks see floats in [-1, 1]; `plane`, which checkpoints hold, converts them back to the user's units.

    Args:
        batch_size: Points per iteration on each process. The discriminator's steps share them.
        seed: Fixes the order of the points.
        classes: Number of classes; 0 for data without labels.
        held_out: Fraction of the points kept out of training, to evaluate samples against; each by its coordinates.
    """

    plane: Plane

    def __init__(self, batch_size: int = 256, seed: int = 0, classes: int = 0, held_out: float = 0.0) -> None:
        super().__init__((2, 1, 1), batch_size, seed, classes=classes, held_out=held_out)

    @abstractmethod
    def points(self) -> tuple[Tensor, Tensor]:
        """Points (N, 2) in the user's units, float64, and labels (N,) int64, zeros if there are none."""

    def load(self) -> TensorDataset:
        points, labels = self.points()
        images = self.plane.images(points)
        outside = (images.abs() > 1).flatten(1).any(1)
        if outside.any():
            far = ", ".join(f"{value:g}" for value in points[outside][0].tolist())
            raise UserError(
                f"{int(outside.sum())} of {len(points)} points lie outside the region that the checkpoint was "
                f"trained on ({self.plane.limits()}), first ({far}): resume with points inside it, or start over"
            )
        return TensorDataset(images, labels)

    def as_floats(self, x: Tensor) -> Tensor:
        return x

    def identify(self, images: Dataset) -> Tensor:
        """Names points by their coordinates in the user's units: another point may move the region."""
        return identify(TensorDataset(self.points()[0].double()[:, :, None, None]))

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() | {"plane": asdict(self.plane)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restores the region of the checkpoint, whatever the points are now: the networks were trained in it."""
        plane = Plane.in_checkpoint({"data": state_dict})
        if plane not in (None, self.plane):
            self.plane = plane
            self.source = self.left_out = None
            self.setup("fit")


class Points(PointData):
    """Your own points: a file with two columns. Pictures and samples have its units.

    A `.csv` holds one point per line, two numbers separated by a comma; a first line without numbers names the axes.
    A `.npy` holds an array (N, 2) of numbers.

    Args:
        path: The file.
        batch_size: Points per iteration on each process. The discriminator's steps share them.
        seed: Fixes the order of the points.
        held_out: Fraction of the points kept out of training, to evaluate samples against; each by its coordinates.
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
    """Reads an array of numbers as float64, and default names of the axes."""
    try:
        array = np.load(path, allow_pickle=False, mmap_mode="r")  # refuses a header that lies
        return array.astype(np.float64, casting="same_kind" if array.dtype.kind == "f" else "safe"), ("x", "y")
    except (ValueError, TypeError, AttributeError, EOFError, OSError, MemoryError) as error:
        raise UserError(f"{path} cannot be read ({error}): data.path must hold an array (N, 2) of numbers") from error


def read_csv(path: Path) -> tuple[np.ndarray, tuple[str, str]]:
    """Reads one point per line as float64 (N, 2), and the names of the axes if the first line has them."""
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
