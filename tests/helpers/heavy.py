"""Configs that are made for GPUs, and how the tests train them all the same."""

HEAVY = ("photos", "r3gan_cifar10", "r3gan_ffhq64", "r3gan_ffhq256")
"""Their names: whole, a batch of theirs takes minutes and many gigabytes on a CPU."""

THIN = [
    f"--model.{player}.{option}=8" for player in ("generator", "discriminator") for option in ("width", "max_width")
]
"""The same networks with few channels."""
