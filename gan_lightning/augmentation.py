"""Augmentations of all images that the discriminator sees, so that it does not memorise a small data set."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from copy import copy
from math import pi

import torch
import torch.distributed
import torch.nn.functional as F
from torch import Tensor, nn

from gan_lightning.core.configurable import Configurable
from gan_lightning.core.distributed import average, several
from gan_lightning.core.errors import UserError
from gan_lightning.core.images import ImageShape
from gan_lightning.core.precision import promoted
from gan_lightning.core.resampling import resampled, weighing
from gan_lightning.core.seeding import Draw


class Augmentation(Configurable, nn.Module, ABC):
    """A differentiable random change, the same for real and generated images.

    Whatever a subclass keeps from one iteration to the next must be a buffer, so that checkpoints hold it.
    """

    adapts = False
    """Whether it depends on the sign of D(x)."""

    @abstractmethod
    def forward(self, x: Tensor, normal: Draw, uniform: Draw) -> Tensor:
        """Returns changed images (N, C, H, W), of the same number and size.

        Args:
            x: Images (N, C, H, W) in [-1, 1].
            normal: Draws standard normal numbers of a shape that begins with N.
            uniform: Draws numbers uniform in [0, 1) of a shape that begins with N.
        """

    def observe(self, real: Tensor) -> None:
        """Receives the mean logit (N,) of each real image. By default it ignores them."""

    def after_step(self) -> None:
        """Adapts after a step of D. By default it does nothing."""

    def metrics(self) -> dict[str, Tensor]:
        """Returns what is logged, scalars by name. By default there is nothing."""
        return {}


class View:
    """An augmentation that draws its random numbers once: it changes images alike, however often it is called.

    A penalty can so look at images that D has seen as D has seen them. It works in 32 bits, whatever the precision of
    training.

    Args:
        augmentation: What changes images; None for nothing.
        image_shape: Channels, height, width.
        normal: Draws standard normal numbers of a shape that begins with N.
        uniform: Draws numbers uniform in [0, 1) of a shape that begins with N.
    """

    def __init__(self, augmentation: Augmentation | None, image_shape: ImageShape, normal: Draw, uniform: Draw) -> None:
        self.augmentation, self.image_shape, self.normal, self.uniform = augmentation, image_shape, normal, uniform
        self.drawn: list[Tensor] = []

    def __call__(self, x: Tensor) -> Tensor:
        """Returns changed images (N, C, H, W), or packs of them; after the first call, also k N."""
        if self.augmentation is None:
            return x
        earlier = iter([*self.drawn])
        normal, uniform = (self.once(draw, earlier) for draw in (self.normal, self.uniform))
        with torch.autocast(x.device.type, enabled=False):
            changed = self.augmentation(promoted(x).reshape(-1, *self.image_shape), normal, uniform)
        return changed.reshape(x.shape)

    def once(self, draw: Draw, earlier: Iterator[Tensor]) -> Draw:
        """Draws what has not been drawn earlier."""

        def drawn(n: int, *shape: int) -> Tensor:
            numbers = next(earlier, None)
            if numbers is None:
                numbers = draw(n, *shape)
                self.drawn.append(numbers)
            return numbers.repeat(n // len(numbers), *(1 for _ in shape))

        return drawn


class DiffAugment(Augmentation):
    """Random colours, shifts and holes, drawn anew for every image that D sees.

    Colours: brightness up or down by at most 0.5, saturation times 0 to 2, contrast times 0.5 to 1.5. Shifts: by whole
    pixels, at most an eighth of the size, with zeros outside the image. Holes: a rectangle of half the size, set to
    zero.

    Zhao et al., "Differentiable augmentation for data-efficient GAN training", 2020, Section 3.
    https://arxiv.org/abs/2006.10738

    Args:
        policy: Which of color, translation and cutout are applied, in this order.
    """

    def __init__(self, policy: Sequence[str] = ("color", "translation", "cutout")) -> None:
        super().__init__()
        for name in policy:
            if name not in POLICIES:
                raise UserError(f"policy of DiffAugment holds {name}; there are {', '.join(POLICIES)}")
        self.policy = policy

    def forward(self, x: Tensor, normal: Draw, uniform: Draw) -> Tensor:
        x = promoted(x)
        for name in self.policy:
            x = POLICIES[name](x, uniform)
        return x


def recoloured(x: Tensor, uniform: Draw) -> Tensor:
    brightness, saturation, contrast = uniform(len(x), 3).to(x)[:, :, None, None, None].unbind(1)
    x = x + (brightness - 0.5)
    grey = x.mean(1, keepdim=True)
    x = grey + 2 * saturation * (x - grey)
    mean = x.mean((1, 2, 3), keepdim=True)
    return mean + (0.5 + contrast) * (x - mean)


def shifted(x: Tensor, uniform: Draw) -> Tensor:
    n, _, height, width = x.shape
    rows, columns = (
        torch.arange(size, device=x.device) + whole(draw, -int(size / 8 + 0.5), int(size / 8 + 0.5))
        for size, draw in zip((height, width), uniform(n, 2, 1).unbind(1), strict=True)
    )
    # places beyond an edge read this border of zeros
    padded = F.pad(x, (1, 1, 1, 1))
    rows, columns = (rows + 1).clamp(0, height + 1), (columns + 1).clamp(0, width + 1)
    first = torch.arange(n, device=x.device)[:, None, None]
    return padded.permute(0, 2, 3, 1)[first, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def holed(x: Tensor, uniform: Draw) -> Tensor:
    n, _, height, width = x.shape
    inside = []
    for size, draw in zip((height, width), uniform(n, 2, 1).unbind(1), strict=True):
        half = int(size / 2 + 0.5)
        place = torch.arange(size, device=x.device) + half // 2 - whole(draw, 0, size - half % 2)
        inside.append((place >= 0) & (place < half))
    hole = inside[0][:, :, None] & inside[1][:, None, :]
    return x * ~hole[:, None]


def whole(draw: Tensor, low: int, high: int) -> Tensor:
    """Converts numbers in [0, 1) to whole numbers from low to high, both included."""
    return (low + draw.double() * (high - low + 1)).floor().long()


POLICIES: dict[str, Callable[[Tensor, Draw], Tensor]] = {
    "color": recoloured,
    "translation": shifted,
    "cutout": holed,
}


class ADA(Augmentation):
    """Adaptive augmentation: each change is made with probability p, which rises while D is too sure of real images.

    Every 4 steps of D, p moves up if E[sign D(x)] is above the target, else down, by the number of images seen since /
    `speed`. Changes with p below 0.8 or so do not leak into the samples. The changes are those that work best in the
    paper: flips, rotations by 90 degrees (180 for images that are not square) and whole-pixel shifts; scaling,
    rotation, stretching and subpixel shifts; brightness, contrast, inversion, hue and saturation (the last two for
    colour images only). The others of the paper can be added: filters that make a band of frequencies stronger or
    weaker, noise, and a hole of half the height and width. Edges are reflected. Images that are turned, scaled or
    shifted by parts of a pixel are resampled as in the authors' code, with the wavelet sym6, which hardly blurs.

    Karras et al., "Training generative adversarial networks with limited data", 2020, Section 3 and Appendix B.
    https://arxiv.org/abs/2006.06676

    For relativistic objectives, the sign of D(x) means nothing: give p, and set speed to 0.

    Args:
        target: The value at which E[sign D(x)] is held.
        speed: Number of images over which p would go from 0 to 1; 0 keeps p as it is.
        p: The initial probability; a resumed run continues with the one it had reached.
        blit: Flips, rotations by 90 degrees, whole-pixel shifts.
        geometry: Scaling, rotation, stretching, subpixel shifts.
        color: Brightness, contrast, inversion, hue, saturation.
        color_share: Each of them is made with this share of p, from 0 to 1.
        filters: Amplification of each of four bands of frequencies.
        noise: Normal noise at each pixel; its standard deviation is half-normal with a scale of 0.1.
        cutout: A rectangle of half the height and width, set to zero.
    """

    p: Tensor
    seen: Tensor
    now: Tensor
    steps: Tensor

    def __init__(
        self,
        target: float = 0.6,
        speed: int = 500_000,
        p: float = 0.0,
        blit: bool = True,
        geometry: bool = True,
        color: bool = True,
        color_share: float = 1.0,
        filters: bool = False,
        noise: bool = False,
        cutout: bool = False,
    ) -> None:
        super().__init__()
        if not 0 <= p <= 1:
            raise UserError(f"p of ADA is {p}; it must be a probability")
        if not -1 < target < 1:
            raise UserError(f"target of ADA is {target}; it must be between -1 and 1")
        if not 0 <= color_share <= 1:
            raise UserError(f"color_share of ADA is {color_share}; it must be from 0 to 1")
        if speed < 0:
            raise UserError(f"speed of ADA is {speed}; it must be a number of images, or 0 to keep p as it is")
        self.adapts = speed > 0
        self.target, self.speed, self.blit, self.geometry, self.color = target, speed, blit, geometry, color
        self.color_share, self.filters, self.noise, self.cutout = color_share, filters, noise, cutout
        self.register_buffer("p", torch.tensor(float(p)))
        self.register_buffer("seen", torch.zeros(2))  # sum of signs, number of images; means over processes
        self.register_buffer("now", torch.zeros(2), persistent=False)  # the same for this step and process
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    def forward(self, x: Tensor, normal: Draw, uniform: Draw) -> Tensor:
        x = promoted(x)
        draws = Draws(normal(len(x), 16).to(x), uniform(len(x), 32).to(x), self.p.to(x))
        if self.blit or self.geometry:
            x = moved(x, draws, self.blit, self.geometry)
        if self.color:
            x = tinted(x, draws.rarer(self.color_share))
        if self.filters:
            x = filtered(x, draws)
        if self.noise:
            x = x + draws.shift(0.1).abs()[:, None, None, None] * normal(*x.shape).to(x)
        return cut(x, draws) if self.cutout else x

    @torch.no_grad()
    def observe(self, real: Tensor) -> None:
        self.now += torch.stack([real.sign().sum(), real.new_full((), len(real))])

    @torch.no_grad()
    def after_step(self) -> None:
        average([self.now])  # after every step, so that the first process's checkpoint includes all processes
        self.seen += self.now
        self.now.zero_()
        self.steps += 1
        if self.speed:
            self.adapt(self.steps % EVERY == 0)

    def adapt(self, due: Tensor) -> None:
        """Moves p by what was seen, and forgets that, if it is due: a bool on the device, so that none waits for it."""
        signs, images = self.seen.unbind()
        everywhere = images * (torch.distributed.get_world_size() if several() else 1)
        moved = self.p + torch.sign(signs / images - self.target) * everywhere / self.speed
        self.p.copy_(torch.where(due, moved.clamp(0, 1), self.p))
        self.seen *= ~due

    def metrics(self) -> dict[str, Tensor]:
        return {"augmentation/p": self.p}


EVERY = 4
"""Steps of D between changes of p; Appendix B of the paper."""


class Draws:
    """Random numbers (N,) for one batch, which also decide whether each change is made.

    Args:
        normal: (N, k) standard normal.
        uniform: (N, k) in [0, 1).
        p: The probability of a change.
    """

    def __init__(self, normal: Tensor, uniform: Tensor, p: Tensor) -> None:
        self.normals, self.uniforms, self.p = iter(normal.unbind(1)), iter(uniform.unbind(1)), p

    def rarer(self, share: float) -> "Draws":
        """Returns the same numbers with a smaller probability; what one takes, the other has no more."""
        other = copy(self)
        other.p = share * self.p
        return other

    def uniform(self) -> Tensor:
        return next(self.uniforms)

    def normal(self) -> Tensor:
        return next(self.normals)

    def maybe(self, value: Tensor, otherwise: float, p: Tensor | None = None) -> Tensor:
        """Returns the value with probability p, else the one that changes nothing."""
        return torch.where(self.uniform() < (self.p if p is None else p), value, otherwise)

    def scale(self, octaves: float, p: Tensor | None = None) -> Tensor:
        """Returns log-normal numbers around 1, with this standard deviation in octaves."""
        return self.maybe(torch.exp2(next(self.normals) * octaves), 1.0, p)

    def shift(self, deviation: float) -> Tensor:
        return self.maybe(next(self.normals) * deviation, 0.0)


def moved(x: Tensor, draws: Draws, blit: bool, geometry: bool) -> Tensor:
    """Moves pixels. All changes are one map from places in the new image to places in the old one."""
    n, _, height, width = x.shape
    size = (width, height)
    map_ = torch.eye(3, device=x.device, dtype=x.dtype).expand(n, 3, 3)
    if blit:
        flip = draws.maybe(1 - 2 * (draws.uniform() * 2).floor(), 1.0)
        map_ = map_ @ scaling(flip, torch.ones_like(flip))
        step = 1 if height == width else 2  # a quarter turn would change the shape
        quarters = draws.maybe((draws.uniform() * 4 / step).floor() * step, 0.0)
        map_ = map_ @ turning(quarters * (pi / 2))
        shifts = torch.stack([((draws.uniform() * 2 - 1) * 0.125 * side).round() for side in size])
        map_ = map_ @ shifting(*draws.maybe(shifts, 0.0))
    if geometry:
        scale = draws.scale(0.2)
        map_ = map_ @ scaling(scale, scale)
        rare = 1 - (1 - draws.p).sqrt()  # at least one of the two rotations then has probability p
        map_ = map_ @ turning(draws.maybe((draws.uniform() * 2 - 1) * pi, 0.0, rare))
        stretch = draws.scale(0.2)
        map_ = map_ @ scaling(stretch, 1 / stretch)
        map_ = map_ @ turning(draws.maybe((draws.uniform() * 2 - 1) * pi, 0.0, rare))
        shifts = torch.stack([draws.normal() * 0.125 * side for side in size])
        map_ = map_ @ shifting(*draws.maybe(shifts, 0.0))
    return resampled(x, map_)


def scaling(horizontal: Tensor, vertical: Tensor) -> Tensor:
    """Returns a map (N, 3, 3) in pixels from the centre of the image, as all maps here."""
    return torch.diag_embed(torch.stack([horizontal, vertical, torch.ones_like(horizontal)], dim=1))


def turning(angle: Tensor) -> Tensor:
    cos, sin, zero, one = angle.cos(), angle.sin(), torch.zeros_like(angle), torch.ones_like(angle)
    return torch.stack([cos, -sin, zero, sin, cos, zero, zero, zero, one], dim=1).view(-1, 3, 3)


def shifting(horizontal: Tensor, vertical: Tensor) -> Tensor:
    zero, one = torch.zeros_like(horizontal), torch.ones_like(horizontal)
    return torch.stack([one, zero, horizontal, zero, one, vertical, zero, zero, one], dim=1).view(-1, 3, 3)


def tinted(x: Tensor, draws: Draws) -> Tensor:
    """Changes colours. Grey, the mean of the channels, and the difference from it are changed separately."""
    grey = x.mean(1, keepdim=True)
    colour = x - grey
    brightness, contrast = draws.shift(0.2), draws.scale(0.5)
    sign = draws.maybe(1 - 2 * (draws.uniform() * 2).floor(), 1.0)
    angle = draws.maybe((draws.uniform() * 2 - 1) * pi, 0.0)
    saturation = draws.scale(1.0)
    brightness, contrast, sign, angle, saturation = (
        v[:, None, None, None] for v in (brightness, contrast, sign, angle, saturation)
    )
    if x.shape[1] == 3:  # a rotation around the grey axis
        axis = torch.full_like(colour, 3**-0.5)
        colour = colour * angle.cos() + torch.linalg.cross(axis, colour, dim=1) * angle.sin()
    return sign * contrast * (grey + brightness) + contrast * saturation * colour


SYM2 = torch.tensor([1 - 3**0.5, 3 - 3**0.5, 3 + 3**0.5, 1 + 3**0.5], dtype=torch.float64) / 32**0.5
"""The low-pass filter of Daubechies's wavelet with two vanishing moments."""


def octaves() -> Tensor:
    """Returns filters (4, 43) that split an image into octaves, the lowest frequencies first; their sum is the image.

    Each octave is split off by H(z) H(1/z) / 2 and H(-z) H(-1/z) / 2, where H is SYM2; Appendix B of the paper.
    """
    low = F.conv1d(SYM2.view(1, 1, 4), SYM2.view(1, 1, 4), padding=3) / 2
    high = low[0] * torch.tensor([-1.0, 1, -1, 1, -1, 1, -1])
    bank = low.new_ones(1, 1)
    for _ in range(3):
        spread = F.pad(bank[:, :, None], (0, 1)).flatten(1)[:, :-1]  # zeros between the numbers
        bank = F.conv1d(spread[:, None], low, padding=6)[:, 0]
        side = (bank.shape[1] - 7) // 2
        bank = torch.cat([bank, F.pad(high, (side, side))])
    return bank


OCTAVES = octaves()
POWER = torch.tensor([10.0, 1.0, 1.0, 1.0]) / 13
"""The share of each octave in the power of an average image; Appendix B of the paper."""


def filtered(x: Tensor, draws: Draws) -> Tensor:
    """Amplifies each octave by log-normal gains; each gain is scaled so that the power of an average image stays."""
    gains = torch.stack([draws.scale(1.0) for _ in OCTAVES], dim=1)
    gains = gains / (1 + POWER.to(x, non_blocking=True) * (gains.square() - 1)).prod(1, keepdim=True).sqrt()
    down, right = (torch.einsum("nb,brs->nrs", gains, octave_matrices(side, x))[:, None] for side in x.shape[2:])
    return down @ x @ right.mT


def octave_matrices(side: int, like: Tensor) -> Tensor:
    """Returns the filters as matrices (4, side, side) that act on pixels in a line."""
    half = OCTAVES.shape[1] // 2
    places = torch.arange(side, device=like.device)[:, None] + torch.arange(-half, half + 1, device=like.device)
    return torch.stack([weighing(places, taps, side) for taps in OCTAVES.to(like, non_blocking=True)])


def cut(x: Tensor, draws: Draws) -> Tensor:
    """Sets a rectangle of half the height and width to zero; its centre is anywhere in the image."""
    made = draws.maybe(x.new_ones(len(x)), 0.0) > 0
    columns, rows = (
        (torch.arange(side, device=x.device) + 0.5 - side * draws.uniform()[:, None]).abs() < side / 4
        for side in (x.shape[3], x.shape[2])
    )
    hole = made[:, None, None] & rows[:, :, None] & columns[:, None, :]
    return x.masked_fill(hole[:, None], 0.0)
