"""What gan invert has found, as a picture and a report."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from gan_lightning.core.errors import printable
from gan_lightning.core.images import labelled_tiles, to_uint8
from gan_lightning.editing.inversion import Inverted
from gan_lightning.editing.matches import Features, Match

PAIRS_SHOWN = 50
"""Images in a picture of pairs."""

READABLE_TILE = 96
"""Width in pixels to which smaller images are enlarged in it, by an integer factor."""

MEANING = (
    "PSNR in dB, higher is better. The latent norm is about 1 for samples. The feature distance is 0 between equal "
    "images and about 1 between two samples."
)


class Findings:
    """What was found, in words and numbers.

    Args:
        names: Of the pictures.
        images: The pictures, (N, C, H, W) in [-1, 1].
        found: What was found.
        match: In what they were compared.
        seen_by: Whose distance is reported, if it measures features.
        seconds: Of the CPU, for each picture.
    """

    def __init__(
        self, names: Sequence[str], images: Tensor, found: Inverted, match: Match, seen_by: Match, seconds: float
    ) -> None:
        self.names, self.found, self.match, self.seconds = names, found, match.name, seconds
        self.seen_by = seen_by.name if isinstance(seen_by, Features) else None
        self.distances = seen_by.distance(images, found.images).tolist() if isinstance(seen_by, Features) else None

    def rows(self) -> list[dict[str, Any]]:
        """Returns the numbers of each picture."""
        norms = (self.found.z.norm(dim=1) / self.found.z.shape[1] ** 0.5).tolist()
        rows = []
        for i, name in enumerate(self.names):
            row: dict[str, Any] = {"name": name, "psnr": float(self.found.psnr[i]), "latent_norm": norms[i]}
            row |= {} if self.found.y is None else {"label": int(self.found.y[i])}
            rows.append(row | ({} if self.distances is None else {"feature_distance": self.distances[i]}))
        return rows

    def summary(self) -> str:
        """Returns one line on all pictures."""
        found, n = self.found.psnr, len(self.names)
        shares = f"{float(found.median()):.1f} dB, {int((found >= 35).sum())} of {n} at 35 dB or better"
        return f"median PSNR {shares}; {self.seconds:.2f} CPU-seconds an image"

    def write(self, folder: Path) -> None:
        """Writes report.json and report.md."""
        rows = self.rows()
        words = {"match": self.match, "features": self.seen_by, "images": rows}
        (folder / "report.json").write_text(json.dumps(words, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        columns = list(rows[0])
        seen = f" Features: {self.seen_by}." if self.seen_by else ""
        lines = ["# Images found again", "", f"Matched by {self.match}.{seen} {MEANING}", ""]
        lines += [f"| {' | '.join(columns).replace('_', ' ')} |", "|" + "---|" * len(columns)]
        for row in rows:
            cells = [f"{value:.2f}" if isinstance(value, float) else escaped(str(value)) for value in row.values()]
            lines.append(f"| {' | '.join(cells)} |")
        (folder / "report.md").write_text("\n".join([*lines, ""]), encoding="utf-8")


def escaped(text: str) -> str:
    """Returns a name, which may come from a stranger, as one cell of a table in Markdown."""
    return "".join(f"\\{c}" if c in "\\`<>|[]" else c for c in " ".join(printable(text).split()))


def side_by_side(images: Tensor, found: Tensor, psnr: Tensor) -> Image.Image:
    """Returns a picture: images above what was found for them, with the PSNR of each."""
    both = to_uint8(torch.cat([images, found], 2)[:PAIRS_SHOWN])
    times = max(1, READABLE_TILE // both.shape[2])
    labels = [f"{value:.1f} dB" for value in psnr[:PAIRS_SHOWN].tolist()]
    return labelled_tiles(both.repeat(times, 1).repeat(times, 2), labels, min(10, len(both)))
