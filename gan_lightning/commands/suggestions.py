"""What a user may have meant: words of other programs, other capitals, and slips of the keyboard."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING

from gan_lightning.core.discovery import subclasses

if TYPE_CHECKING:
    from gan_lightning.commands.parser import Parser

OPTION_WORDS: dict[str, Sequence[str]] = {
    "max_epochs": ("epochs", "epoch", "num_epochs", "n_epochs", "e"),
    "max_steps": ("steps", "num_steps", "iterations", "iters", "iter", "max_iter", "n_iter", "niter"),
    "batch_size": ("batch", "bs", "b"),
    "lr": ("learning_rate", "learningrate"),
    "optimizer": ("optim", "opt"),
    "scheduler": ("lr_scheduler", "schedule"),
    "gradient_clip": ("clip", "grad_clip", "clip_grad", "max_grad_norm", "gradient_clip_val"),
    "accumulation": ("accumulate", "accumulate_grad_batches", "grad_accum"),
    "discriminator_steps": ("n_critic", "critic_steps", "d_steps"),
    "average_decay": ("ema", "ema_decay"),
    "objective": ("loss", "criterion"),
    "likelihood": ("loss", "reconstruction"),
    "latent_dim": ("latent", "latents", "latent_size", "z_dim", "zdim", "nz", "noise_dim"),
    "classes": ("num_classes", "n_classes"),
    "image_size": ("size", "img_size", "resolution"),
    "workers": ("num_workers", "n_workers"),
    "root": ("data_dir", "data_root", "dataroot", "data_path"),
    "data": ("dataset", "data_set", "d"),
    "kind": ("type", "model_type", "arch"),
    "accelerator": ("device", "gpu", "cuda"),
    "devices": ("gpus", "num_gpus", "n_gpu", "ngpu"),
    "device": ("gpu", "cuda", "gpus", "accelerator"),
    "precision": ("fp16", "bf16", "amp", "half", "mixed_precision"),
    "default_root_dir": ("o", "out", "output", "outdir", "out_dir", "output_dir", "save_dir", "logdir", "log_dir"),
    "folder": ("o", "out", "output", "outdir", "out_dir", "output_dir", "save_dir"),
    "count": ("n", "num", "number", "num_samples", "n_samples"),
    "samples": ("n", "count", "num_samples", "n_samples"),
    "labels": ("label", "class", "classes"),
    "first_seed": ("seed", "seeds"),
    "seed": ("random_seed", "manual_seed"),
    "ckpt_path": ("ckpt", "checkpoint", "weights", "pretrained", "load", "model"),
    "start_from": ("finetune", "fine_tune", "init_from", "initialize_from", "warm_start"),
    "config": ("c", "cfg", "conf", "configs"),
}
"""The last word of an option, and what other programs call it."""

CLASS_WORDS: dict[str, Sequence[str]] = {
    "Wasserstein": ("wgan", "wgangp"),
    "LeastSquares": ("lsgan", "mse", "l2"),
    "NonSaturating": ("vanilla", "bce", "gan", "nsgan", "logistic"),
    "Saturating": ("minimax", "mmgan"),
    "RelativisticPaired": ("rpgan", "rgan", "rsgan", "relativistic"),
    "RelativisticAverage": ("ragan", "rasgan"),
    "KullbackLeibler": ("kl",),
    "Pearson": ("chi2",),
    "WGANGP": ("gp", "gradientpenalty"),
}
"""A class, and what papers and other programs call it."""

REMARKS = {
    "resume": "--ckpt_path last resumes the newest run",
    "wgan": "It needs a penalty: --model.penalties+=WGANGP",
    "wgangp": "It needs a penalty: --model.penalties+=WGANGP",
}
"""What else to say to those who type a word."""

SHOWN = {
    "config": "digits",
    "data": "MNIST",
    "kind": "VAE",
    "ckpt_path": "last",
    "root": "my_images",
    "path": "my_points.csv",
    "images": "my_images",
    "seeds": "1 2 3",
    "batch_size": "64",
    "max_steps": "1000",
    "max_epochs": "10",
    "seed": "1",
    "count": "16",
    "lr": "0.0002",
    "step_size": "1000",
    "gamma": "0.999",
}
"""Values to show in examples, by the last word of an option."""

NEVER = {"self", "params", "optimizer", "image_shape", "args", "kwargs"}
"""Arguments of classes that are no options."""


def known(parser: Parser) -> list[str]:
    """Every key of a command that takes a value, with those of the classes that may be named."""
    options = [key for key in parser.options if not key.endswith(".help")]
    single = [key for key in options if not any(other.startswith(f"{key}.") for other in options)]
    chosen = [f"{key}.{name}" for key, base in parser.choices.items() for name in arguments(base)]
    return list(dict.fromkeys([*parser.choices, *single, *chosen]))


def arguments(base: type) -> list[str]:
    """What the classes of a kind take."""
    return sorted({name for cls in choices(base) for name in options_of(cls)})


def options_of(cls: type) -> list[str]:
    """What a class takes."""
    return sorted({*inspect.signature(cls).parameters} - NEVER)


def choices(base: type) -> list[type]:
    """The classes of a kind that a user may name."""
    return [cls for cls in subclasses(base) if not inspect.isabstract(cls) and cls.__name__[0] != "_"]


def last_word(key: str) -> str:
    return key.rpartition(".")[2]


def near_keys(name: str, keys: Collection[str]) -> list[str]:
    """The options that may be meant by one that does not exist."""
    name = name.replace("-", "_")
    group, _, word = name.rpartition(".")
    meant = [ours for ours, theirs in OPTION_WORDS.items() if word.lower() in theirs]
    for start in dict.fromkeys([group, group.partition(".")[0], ""]):
        inside = [key for key in keys if not start or key.startswith(f"{start}.")]
        if same := ending_in(meant, inside) or ending_in([word], inside):
            return same
    return misspelt(name, keys)


def ending_in(words: Iterable[str], keys: Iterable[str]) -> list[str]:
    """The keys whose last word is the first of these words that any has."""
    return next((found for word in words if (found := [key for key in keys if last_word(key) == word])), [])


def misspelt(name: str, keys: Collection[str]) -> list[str]:
    """The options whose last word is spelt almost like this one's, nearest groups first."""
    group, _, word = name.rpartition(".")
    inside = [key for key in keys if key.startswith(f"{group}.")] if group else [*keys]
    if not inside:
        return get_close_matches(name, keys, n=1, cutoff=0.75)
    beside = [key for key in inside if key.count(".") == name.count(".")]
    for some in (beside, inside):
        if near := get_close_matches(word, {last_word(key) for key in some}, n=1, cutoff=0.6):
            return ending_in(near, some)
    return []


def near_names(name: str, names: Collection[str]) -> list[str]:
    """The classes, or the options of one class, that may be meant by a name that does not exist."""
    word, lower = name.lower().replace("-", "_"), {n.lower(): n for n in names}
    plain = word.replace("_", "")
    meant = [n for n in names if plain in CLASS_WORDS.get(n, ()) or word in OPTION_WORDS.get(n, ())]
    starts = [n for n in names if len(word) > 1 and n.lower().startswith(word)]
    near = get_close_matches(word, lower, n=1, cutoff=0.6)
    if word in lower and not meant:
        return [lower[word]]
    return meant[:1] or (starts if len(starts) < 4 else []) or [lower[n] for n in near]


def one_of(names: Sequence[str], word: str = "or") -> str:
    """Names as a sentence has them: A, B or C."""
    *most, last = names
    return f"{', '.join(most)} {word} {last}" if most else last


def hint(near: Sequence[str], names: Collection[str], otherwise: str) -> str:
    """What is near, else all names if they are few, else what leads to them."""
    if near:
        return f"; did you mean {one_of(near)}?"
    return f"; there are {', '.join(sorted(names))}" if 0 < len(names) <= 30 else f"; {otherwise}"


def class_names(base: type) -> str:
    """The classes of a kind that a user may name, in a sentence."""
    return one_of(sorted(cls.__name__ for cls in choices(base)))


def example(key: str, of: Mapping[str, type] | None = None) -> str:
    """An option with a value, as on the command line.

    Args:
        key: The option.
        of: The options whose value names a class, and what it must be a kind of.
    """
    names = [cls.__name__ for cls in choices(of[key])] if of and key in of else []
    return f"--{key} {SHOWN.get(last_word(key), min(names, default='VALUE'))}"


def needs_value(option: str) -> str:
    """What to say of an option without a value."""
    return f"--{option} needs a value, such as {example(option)}"
