"""Conversion of image tensors to grids, pictures and animations."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from gan_lightning.core.whole_files import replacing

ImageShape = tuple[int, int, int]
"""Channels, height, width."""

LABEL = 13
"""The size of labels in pixels."""

READABLE = 560
"""Width in pixels. Smaller pictures are enlarged to about this width, by an integer factor."""


def channels_in_words(count: int) -> str:
    return f"{count} channel{'s' * (count != 1)}"


def to_uint8(images: Tensor) -> np.ndarray:
    """Converts images (N, C, H, W) in [-1, 1] to uint8 (N, H, W, C) on the CPU; values outside are clipped."""
    pixels = images.detach().add(1).mul(127.5).round().clamp(0, 255)
    return pixels.to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()


def to_uint16(images: Tensor) -> np.ndarray:
    """Converts images as `to_uint8` does, to numbers from 0 to 65535."""
    pixels = images.detach().float().add(1).mul(32767.5).round().clamp(0, 65535)
    return pixels.to(torch.int32).permute(0, 2, 3, 1).cpu().numpy().astype(np.uint16)


def tile(images: np.ndarray, columns: int) -> np.ndarray:
    """Tiles images (N, H, W, C) row by row, with a black line of one pixel between them and no border.

    Returns:
        (rows * (H + 1) - 1, columns * (W + 1) - 1, C); empty cells are black.
    """
    count, height, width, channels = images.shape
    rows = -(-count // columns)
    canvas = np.zeros((rows * columns, height + 1, width + 1, channels), dtype=np.uint8)
    canvas[:count, :height, :width] = images
    canvas = canvas.reshape(rows, columns, height + 1, width + 1, channels).swapaxes(1, 2)
    return canvas.reshape(rows * (height + 1), columns * (width + 1), channels)[:-1, :-1]


def picture(pixels: np.ndarray) -> Image.Image:
    """Converts uint8 (H, W, C) to a picture: grey for one channel, colour for three, else channels side by side."""
    if pixels.shape[2] == 3:
        return Image.fromarray(pixels)
    return Image.fromarray(np.concatenate(list(pixels.transpose(2, 0, 1)), axis=1))


def pixels_of(image: Image.Image, channels: int) -> np.ndarray:
    """Inverts `picture`: uint8 (H, W, C)."""
    pixels = np.asarray(image)
    return pixels if channels == 3 else np.stack(np.split(pixels, channels, axis=1), axis=2)


def enlarged(image: Image.Image) -> Image.Image:
    """Enlarges a small picture by an integer factor, each pixel to a square."""
    factor = max(1, round(READABLE / image.width))
    return image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)


def labelled_tiles(images: np.ndarray, labels: Sequence[str], columns: int) -> Image.Image:
    """Tiles images (N, H, W, C) row by row, each enlarged until its label fits below it."""
    tiles = [picture(pixels) for pixels in images]
    font = ImageFont.load_default(LABEL)
    factor = -(-max(round(font.getlength(label)) for label in labels) // tiles[0].width)
    width, height = tiles[0].width * factor, tiles[0].height * factor
    canvas = Image.new(tiles[0].mode, (columns * (width + 2), -(-len(tiles) // columns) * (height + LABEL + 4)))
    draw, white = ImageDraw.Draw(canvas), 255 if canvas.mode == "L" else (255, 255, 255)
    for i, (tile_of, label) in enumerate(zip(tiles, labels, strict=True)):
        left, top = i % columns * (width + 2), i // columns * (height + LABEL + 4)
        canvas.paste(tile_of.resize((width, height), Image.Resampling.NEAREST), (left, top))
        draw.text((left + width // 2, top + height), label, fill=white, font=font, anchor="ma")
    return canvas


def captioned(image: Image.Image, text: str) -> Image.Image:
    """Adds a black strip with a line of text below a picture."""
    size = max(14, image.width // 28)
    strip = Image.new(image.mode, (image.width, image.height + 2 * size))
    strip.paste(image)
    draw = ImageDraw.Draw(strip)
    white = 255 if image.mode == "L" else (255, 255, 255)
    middle = (image.width // 2, image.height + size)
    draw.text(middle, text, fill=white, font=ImageFont.load_default(size), anchor="mm")
    return strip


def in_few_greys(image: Image.Image, greys: int = 16) -> Image.Image:
    """Reduces a grey picture to fewer greys, which halves the size of a GIF; a colour picture is unchanged."""
    if image.mode != "L":
        return image
    step = 255 / (greys - 1)
    return image.point([round(round(value / step) * step) for value in range(256)])


def save(image: Image.Image, path: Path) -> None:
    """Writes a picture as PNG. After a kill or a power failure, the file is whole, or the one before it is."""
    with replacing(path) as file:
        image.save(file, format="PNG")


def whole_picture(path: Path) -> Image.Image | None:
    """Reads a picture; None if it is missing or damaged."""
    try:
        with Image.open(path) as image:
            return image.copy()
    except Exception:  # on foreign bytes, Pillow may raise anything
        return None


def save_animation(path: Path, frames: Iterable[Path], captions: Sequence[str] | None, longest: int = 60) -> list[Path]:
    """Writes a looping GIF of about eight seconds that holds its last frame for longer.

    Args:
        path: The file to write.
        frames: Picture files, first to last.
        captions: A line of text for each frame; None for no captions.
        longest: Maximum number of frames; if there are more, frames are dropped evenly.

    Returns:
        The frames that it left out: those that are missing or damaged, or do not have the size of most.
    """
    files = list(frames)
    places: list[float] = np.linspace(0, len(files) - 1, min(len(files), longest)).tolist()
    read = {index: whole_picture(files[index]) for index in sorted({round(place) for place in places})}
    forms = Counter((image.size, image.mode) for image in read.values() if image)
    usual = max(forms, key=forms.__getitem__, default=None)
    whole = {i: image for i, image in read.items() if image and (image.size, image.mode) == usual}
    if whole:
        images = [in_few_greys(captioned(image, captions[i]) if captions else image) for i, image in whole.items()]
        durations = [max(80, 8000 // len(images))] * (len(images) - 1) + [2500]  # milliseconds
        options = {"save_all": True, "append_images": images[1:], "duration": durations, "loop": 0, "optimize": True}
        with replacing(path) as file:
            images[0].save(file, format="GIF", **options)
    return [files[i] for i in read if i not in whole]
