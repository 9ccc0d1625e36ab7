"""Images as files: tiles, pictures, animations."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

ImageShape = tuple[int, int, int]
"""Channels, height, width."""

READABLE = 560
"""Pixels: smaller pictures are enlarged by a whole factor to about this width."""


def to_uint8(images: Tensor) -> np.ndarray:
    """Images (N, C, H, W) in [-1, 1] as uint8 (N, H, W, C), on the CPU. What lies outside is clipped."""
    pixels = images.detach().add(1).mul(127.5).round().clamp(0, 255)
    return pixels.to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()


def tile(images: np.ndarray, columns: int) -> np.ndarray:
    """Images (N, H, W, C) side by side, row by row, with a black line of one pixel between them and none around.

    Returns:
        (rows * (H + 1) - 1, columns * (W + 1) - 1, C); places that no image fills are black.
    """
    count, height, width, channels = images.shape
    rows = -(-count // columns)
    canvas = np.zeros((rows * columns, height + 1, width + 1, channels), dtype=np.uint8)
    canvas[:count, :height, :width] = images
    canvas = canvas.reshape(rows, columns, height + 1, width + 1, channels).swapaxes(1, 2)
    return canvas.reshape(rows * (height + 1), columns * (width + 1), channels)[:-1, :-1]


def beside_nearest(samples: Tensor, real: Tensor, nearest: Tensor, ratio: Tensor, rows: int = 16) -> np.ndarray:
    """Samples beside the real images that are nearest to them, a row each, and those most like copies first.

    `metrics.nearest` finds the neighbours, `metrics.memorisation` the ratios.

    Args:
        samples: (M, C, H, W) in [-1, 1].
        real: Training images (N, C, H, W) in [-1, 1].
        nearest: Which k training images are nearest to each sample, nearest first; (M, k).
        ratio: How far each sample is from being a copy, (M,).
        rows: Samples to show at most.

    Returns:
        Tiles (rows * (H + 1) - 1, (k + 1) * (W + 1) - 1, C): in each row the sample, then its neighbours.
    """
    shown = ratio.argsort(stable=True)[:rows].cpu()
    pairs = torch.cat([samples.cpu()[shown, None], real.cpu()[nearest.cpu()[shown]]], dim=1)
    return tile(to_uint8(pairs.flatten(0, 1)), columns=pairs.shape[1])


def picture(pixels: np.ndarray) -> Image.Image:
    """uint8 (H, W, C) as a picture: grey for one channel, colour for three, else the channels in grey, side by side."""
    if pixels.shape[2] == 3:
        return Image.fromarray(pixels)
    return Image.fromarray(np.concatenate(list(pixels.transpose(2, 0, 1)), axis=1))


def pixels_of(image: Image.Image, channels: int) -> np.ndarray:
    """What `picture` made the image of: uint8 (H, W, C)."""
    pixels = np.asarray(image)
    return pixels if channels == 3 else np.stack(np.split(pixels, channels, axis=1), axis=2)


def enlarged(image: Image.Image) -> Image.Image:
    """Small pictures enlarged by a whole factor, pixels as squares, so that a person can see them."""
    factor = max(1, round(READABLE / image.width))
    return image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)


def captioned(image: Image.Image, text: str) -> Image.Image:
    """The picture over a black strip that holds a line of text."""
    size = max(14, image.width // 28)
    strip = Image.new(image.mode, (image.width, image.height + 2 * size))
    strip.paste(image)
    draw = ImageDraw.Draw(strip)
    white = 255 if image.mode == "L" else (255, 255, 255)
    middle = (image.width // 2, image.height + size)
    draw.text(middle, text, fill=white, font=ImageFont.load_default(size), anchor="mm")
    return strip


def in_few_greys(image: Image.Image, greys: int = 16) -> Image.Image:
    """A grey picture with fewer greys, which makes a GIF half as large; a coloured one as it is."""
    if image.mode != "L":
        return image
    step = 255 / (greys - 1)
    return image.point([round(round(value / step) * step) for value in range(256)])


def save_animation(path: Path, frames: Iterable[Path], captions: Sequence[str] | None, longest: int = 60) -> None:
    """A looping GIF of about eight seconds that stays longer on its last frame.

    Args:
        path: The file to write.
        frames: Pictures of equal size, first to last.
        captions: A line of text for each; None for pictures that need none.
        longest: Frames at most; of more, some are left out evenly.
    """
    files = list(frames)
    places: list[float] = np.linspace(0, len(files) - 1, min(len(files), longest)).tolist()
    keep = sorted({round(place) for place in places})
    images = []
    for index in keep:
        with Image.open(files[index]) as image:
            images.append(in_few_greys(captioned(image, captions[index]) if captions else image.copy()))
    durations = [max(80, 8000 // len(images))] * (len(images) - 1) + [2500]  # milliseconds
    images[0].save(path, save_all=True, append_images=images[1:], duration=durations, loop=0, optimize=True)
