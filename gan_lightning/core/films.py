"""Films that are written frame by frame, so that their length costs no memory."""

from abc import ABC, abstractmethod
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image
from PIL.GifImagePlugin import getdata, getheader

from gan_lightning.core.errors import UserError
from gan_lightning.core.images import in_few_greys, picture
from gan_lightning.core.whole_files import replacing

VIDEO_EXTRA = 'pip install "gan-lightning[video]"'
"""What installs the encoder of MP4 films."""


class Film(ABC):
    """A film of frames (H, W, C), uint8, all of one size. It is a context; when that ends, the file is whole.

    Args:
        path: The file to write.
        fps: Frames in a second.
    """

    def __init__(self, path: Path, fps: int) -> None:
        self.path, self.fps = path, fps
        self.open = ExitStack()

    def __enter__(self) -> "Film":
        self.begin(self.open.enter_context(replacing(self.path)))
        return self

    def __exit__(self, *error: Any) -> bool | None:
        if error[0] is None:
            self.end()
        return self.open.__exit__(*error)

    @abstractmethod
    def begin(self, file: BinaryIO) -> None:
        """Starts the film in an empty file."""

    @abstractmethod
    def write(self, frame: np.ndarray) -> None:
        """Adds a frame (H, W, C)."""

    @abstractmethod
    def end(self) -> None:
        """Writes what follows the last frame."""


class GIF(Film):
    """A GIF that starts again at its end. Each frame has its own palette: 16 greys, or 256 colours.

    Pillow writes a GIF from a list of all its frames; here each frame is written as it comes.
    """

    def begin(self, file: BinaryIO) -> None:
        self.file, self.begun = file, False

    def write(self, frame: np.ndarray) -> None:
        image = in_few_greys(picture(frame))
        image = image.convert("P") if image.mode == "L" else image.quantize(256, dither=Image.Dither.NONE)
        if not self.begun:
            self.file.writelines(getheader(image.copy(), info={"loop": 0, "optimize": False})[0])
            self.begun = True
        duration = max(20, round(100 / self.fps) * 10)  # in hundredths of a second; viewers slow down shorter ones
        self.file.writelines(getdata(image, duration=duration, include_color_table=True))

    def end(self) -> None:
        self.file.write(b";")


class MP4(Film):
    """An H.264 film that browsers and phones play, if PyAV is installed, the extra `video`.

    Raises:
        UserError: PyAV is not installed.
    """

    def __init__(self, path: Path, fps: int) -> None:
        super().__init__(path, fps)
        try:
            import av
        except ImportError as error:
            raise UserError(f"{path.name} needs PyAV: {VIDEO_EXTRA}") from error
        self.av: Any = av

    def begin(self, file: BinaryIO) -> None:
        self.container = self.open.enter_context(self.av.open(file, mode="w", format="mp4"))
        self.stream = None

    def write(self, frame: np.ndarray) -> None:
        pixels = np.asarray(picture(even(frame)).convert("RGB"))
        if self.stream is None:
            self.stream = self.container.add_stream("libx264", rate=Fraction(self.fps), options={"crf": "16"})
            self.stream.height, self.stream.width = pixels.shape[:2]
            self.stream.pix_fmt = "yuv420p"
        self.container.mux(self.stream.encode(self.av.VideoFrame.from_ndarray(pixels, format="rgb24")))

    def end(self) -> None:
        if self.stream is not None:
            self.container.mux(self.stream.encode())


def even(frame: np.ndarray) -> np.ndarray:
    """Repeats the last row or column of a frame (H, W, C) of an odd size, as H.264 needs even ones."""
    height, width = frame.shape[:2]
    return np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")


def can_write_mp4() -> bool:
    """Whether PyAV is installed."""
    from importlib.util import find_spec

    return find_spec("av") is not None
