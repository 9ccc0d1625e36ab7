"""The parts of the page that hold images: HTML whose pictures and files are in it, so that none is on disk."""

import base64
import io
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

import numpy as np
from PIL import Image

from gan_lightning.core.errors import printable
from gan_lightning.core.images import picture

HERE = Path(__file__).parent

ANY_BYTES = "application/octet-stream"
"""The type of files other than pictures."""


def png(image: Image.Image) -> bytes:
    """Returns a picture as a PNG file."""
    with io.BytesIO() as file:
        image.save(file, format="PNG")
        return file.getvalue()


def data_url(content: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def heading(words: str, below: str) -> str:
    return f'<h2>{text(words)}</h2><p class="note">{text(below)}</p>'


def image_tag(pixels: np.ndarray, words: str) -> str:
    """Shows an image (H, W, C) uint8; the words describe it to those who do not see it."""
    source = data_url(png(picture(pixels)), "image/png")
    return f'<img class="pixels" alt="{text(words)}" src="{source}">'


def figure(pixels: np.ndarray, words: str) -> str:
    """Shows an image (H, W, C) large, its name below."""
    return f'<figure class="seen">{image_tag(pixels, words)}<figcaption>{text(words)}</figcaption></figure>'


def row(images: Sequence[np.ndarray], names: Sequence[str], title: str) -> str:
    """Shows images (H, W, C) side by side, as many as there is room for, with a name below each."""
    cells = [
        f"<figure>{image_tag(pixels, f'{title}: {name}')}<figcaption>{text(name)}</figcaption></figure>"
        for pixels, name in zip(images, names, strict=True)
    ]
    return f'<section><h4>{text(title)}</h4><div class="images">{"".join(cells)}</div></section>'


def strip_of(images: Sequence[np.ndarray], title: str) -> str:
    """Shows images (H, W, C) in one row."""
    cells = [image_tag(pixels, f"{title}, image {i + 1}") for i, pixels in enumerate(images)]
    return f'<section><h4>{text(title)}</h4><div class="way">{"".join(cells)}</div></section>'


def kept(files: Mapping[str, bytes], command: str, words: str) -> str:
    """Shows files to save, and the command that makes them again."""
    kinds = {name: "image/png" if Path(name).suffix == ".png" else ANY_BYTES for name in files}
    links = [
        f'<a download="{text(name)}" href="{data_url(content, kinds[name])}">{text(name)}</a>'
        for name, content in files.items()
    ]
    return (
        f'<section class="kept"><h4>{text(words)}</h4><p>{" ".join(links)}</p>'
        f"<pre><code>{text(command)}</code></pre></section>"
    )


def erasable(pixels: np.ndarray) -> str:
    """Shows an image (H, W, C) below a canvas of its size, on which the brush paints what is missing."""
    height, width, channels = pixels.shape
    across = width * (channels if channels not in (1, 3) else 1)
    return (
        f'<div class="erasable">{image_tag(pixels, "your picture, as the model sees it")}'
        f'<canvas class="erased" width="{across}" height="{height}"></canvas></div>'
    )


def note(words: str) -> str:
    return f'<p class="note">{text(words)}</p>'


def text(words: str) -> str:
    """Escapes words, some of which come from strangers, for HTML."""
    return escape(printable(words))
