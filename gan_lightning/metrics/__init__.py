"""How good samples are: pure functions of tensors."""

from gan_lightning.metrics.modes import HIGH_QUALITY, SHRUNK, Modes, kl_floor, modes

__all__ = ["HIGH_QUALITY", "SHRUNK", "Modes", "kl_floor", "modes"]
