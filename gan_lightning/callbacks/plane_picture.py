"""The picture of a game on points in the plane, which shows how a GAN works."""

import torch
from lightning.pytorch import LightningModule, Trainer
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.quiver import Quiver
from PIL import Image
from torch import Tensor

from gan_lightning.callbacks.animation import Animation
from gan_lightning.core.errors import UserError
from gan_lightning.data import Mixture, Plane, PointData
from gan_lightning.evaluation.metrics import modes
from gan_lightning.networks import Discriminator
from gan_lightning.networks.contract import judged

SURFACE, FIELD = 120, 20
"""Places along each axis at which D is evaluated, and at which its gradient is drawn."""

FELLOWS = 16
"""Number of packs over which a discriminator with packing is averaged."""

REAL, MADE, ARROWS = "black", "#00c853", "#444444"
COLOURS = colormaps["RdBu"].resampled(15)
"""Few colours, so that contours are visible and a GIF keeps them. The middle one means that D cannot tell."""


class PlanePicture(Animation):
    """Draws a game on points: real points, samples, D's output at each place, and where it sends samples.

    The background is the probability that D gives a place of holding a real point: the sigmoid of its logit, minus the
    logit half way between D's means on real points and on samples. (Relativistic objectives fix logits only up to a
    constant.) Arrows are the gradient of the logit, which samples climb. The longest arrow is the steepest; lengths
    grow with the square root of the slope, so that gentle slopes are visible.

    A discriminator with classes is shown for the class it likes best at each place, one with packing as the average
    over packs with real points.

    Args:
        every_n_steps: Iterations between pictures; 0 draws only the first and the last.
        samples: Number of samples of the averaged generator, and of real points; always the same ones. (Modes are
            counted among 2,500 samples.)
    """

    captioned = False  # the title contains the iteration

    def __init__(self, every_n_steps: int = 500, samples: int = 2500) -> None:
        super().__init__(every_n_steps)
        self.seeds = range(samples)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        data = trainer.datamodule  # type: ignore[attr-defined]
        if not isinstance(data, PointData):
            raise UserError(f"PlanePicture draws points, not {type(data).__name__}: use SampleGrid")
        self.data = data
        super().on_train_start(trainer, pl_module)

    def frame(self, trainer: Trainer, pl_module: LightningModule) -> Image.Image:
        assert self.data.source is not None
        images = pl_module.sample(self.seeds)  # type: ignore[operator]
        real, _ = self.data.source[: len(self.seeds)]
        figure, axes = empty(self.data.plane)
        discriminator = getattr(pl_module, "discriminator", None)
        if isinstance(discriminator, Discriminator):
            draw_discriminator(axes, Opinion(discriminator, real.to(images)), images, self.data.plane)
        samples = self.data.plane.points(images)
        draw_points(axes, samples, self.data.plane.points(real))
        axes.set_title(f"iteration {trainer.global_step:,}{score(samples, self.data)}")
        return pixels(figure)


class Opinion:
    """D's logits at places of the plane, computed without changing D.

    Args:
        discriminator: The network.
        real: Real images (N, 2, 1, 1), on its device and in its precision.
    """

    def __init__(self, discriminator: Discriminator, real: Tensor) -> None:
        self.discriminator, self.real = discriminator, real

    def __call__(self, x: Tensor) -> Tensor:
        """Returns the logits (N,) of places (N, 2, 1, 1)."""
        training = self.discriminator.training
        self.discriminator.eval()  # in training mode, spectral normalisation would take a step
        try:
            return torch.stack([self.kindest(torch.cat([x, *beside], 1)) for beside in self.fellows(len(x))]).mean(0)
        finally:
            self.discriminator.train(training)

    def fellows(self, count: int) -> list[list[Tensor]]:
        """Returns the real points that complete packs of this many places, pack by pack; none without packing."""
        others = self.discriminator.packing - 1
        packs = [range(first, first + others) for first in range(0, FELLOWS * others, others)] if others else [()]
        return [[self.real[i % len(self.real)].expand(count, -1, -1, -1) for i in pack] for pack in packs]

    def kindest(self, x: Tensor) -> Tensor:
        """Returns the logits (N,) of packs; for a D with classes, those of the class it likes best."""
        classes = range(max(1, self.discriminator.classes))
        labels = [torch.full((len(x),), k, dtype=torch.int64, device=x.device) for k in classes]
        return torch.stack([judged(self.discriminator, x, y).image_logits for y in labels]).amax(0)

    def slopes(self, x: Tensor) -> Tensor:
        """Returns the gradients (N, 2) of the logits at places (N, 2, 1, 1)."""
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            (slope,) = torch.autograd.grad(self(x).sum(), x)
        return slope.flatten(1)


def lattice(places: int, like: Tensor) -> Tensor:
    """Returns places (places^2, 2, 1, 1) that cover [-1, 1] x [-1, 1], row by row, each in the middle of its cell."""
    steps = (torch.arange(places) + 0.5) * (2 / places) - 1
    rows, columns = torch.meshgrid(steps, steps, indexing="ij")
    return torch.stack([columns, rows], -1).view(-1, 2, 1, 1).to(like)


def draw_discriminator(axes: Axes, opinion: Opinion, images: Tensor, plane: Plane) -> None:
    """Draws D's surface as a background with its scale, and its gradient as arrows."""
    with torch.no_grad():
        middle = (opinion(opinion.real).mean() + opinion(images).mean()) / 2
        chance = (opinion(lattice(SURFACE, images)) - middle).sigmoid().view(SURFACE, SURFACE)
    (x, y), (wide, tall) = plane.centre, plane.extent
    borders = (x - wide, x + wide, y - tall, y + tall)
    surface = axes.imshow(chance.float().cpu().numpy(), cmap=COLOURS, vmin=0, vmax=1, extent=borders, origin="lower",
                          interpolation="bilinear", aspect="auto", alpha=0.65)  # fmt: skip
    bar = axes.figure.colorbar(surface, ax=axes, shrink=0.8, pad=0.02, ticks=[0, 0.5, 1])
    bar.ax.set_yticklabels(["generated", "cannot\ntell", "real"])
    bar.ax.set_title("what D thinks", fontsize="medium", loc="left", pad=10)
    places = lattice(FIELD, images)
    slopes = opinion.slopes(places).double().cpu()
    norms = slopes.norm(dim=1, keepdim=True)
    arrows = slopes / norms.clamp_min(1e-30) * (norms / norms.max().clamp_min(1e-30)).sqrt()
    at = plane.points(places)
    axes.quiver(*at.T.numpy(), *arrows.T.numpy(), angles="uv", color=ARROWS, pivot="tail", width=0.003,
                scale=FIELD / 1.3, scale_units="width")  # fmt: skip


def empty(plane: Plane) -> tuple[Figure, Axes]:
    """Returns an empty picture of the plane, in the user's units."""
    figure = Figure(figsize=(7.2, 6.4), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(subplot_kw={"box_aspect": 1})
    (x, y), (wide, tall) = plane.centre, plane.extent
    axes.set(xlim=(x - wide, x + wide), ylim=(y - tall, y + tall), xlabel=plane.names[0], ylabel=plane.names[1])
    return figure, axes


def draw_points(axes: Axes, samples: Tensor, real: Tensor | None = None) -> None:
    """Draws samples over real points, (N, 2) each in the user's units, with a legend below."""
    if real is not None:
        axes.scatter(*real.T.numpy(), s=9, c=REAL, linewidths=0, label="real points")
    axes.scatter(*samples.T.numpy(), s=5, c=MADE, linewidths=0, label="samples")
    handles, labels = axes.get_legend_handles_labels()
    if any(isinstance(drawn, Quiver) for drawn in axes.collections):
        handles.append(Line2D([], [], color=ARROWS, marker=r"$\rightarrow$", markersize=9, linewidth=0))
        labels.append("where D sends samples")
    axes.figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False, markerscale=2)


def score(samples: Tensor, data: PointData) -> str:
    """Returns a line on how many modes were found and how well, if the modes are known."""
    if not isinstance(data, Mixture):
        return ""
    found = modes(samples, data.means, data.deviation)
    share = f"{100 * found.high_quality:.0f} % of samples within three standard deviations"
    return f"\n{found.found} of {len(data.means)} modes, {share} of one"


def pixels(figure: Figure) -> Image.Image:
    """Returns the figure as an opaque colour picture."""
    canvas = figure.canvas
    assert isinstance(canvas, FigureCanvasAgg)
    canvas.draw()
    return Image.frombytes("RGBA", canvas.get_width_height(), bytes(canvas.buffer_rgba())).convert("RGB")
