"""jsonargparse's parser, with errors of one line that name the nearest valid key."""

import inspect
import os
import re
import sys
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, NoReturn

import torch
from jsonargparse import ActionConfigFile, ArgumentParser, Namespace

from gan_lightning.augmentation import Augmentation
from gan_lightning.data import ImageData
from gan_lightning.errors import UserError
from gan_lightning.likelihoods import Likelihood
from gan_lightning.networks import Discriminator, FeatureNetwork, Generator
from gan_lightning.objectives import Objective
from gan_lightning.parts import subclasses
from gan_lightning.penalties import Penalty

CHOICES: dict[str, type] = {
    "data": ImageData,
    "model.generator": Generator,
    "model.discriminator": Discriminator,
    "model.encoder": Discriminator,
    "model.network": FeatureNetwork,
    "model.likelihood": Likelihood,
    "model.objective": Objective,
    "model.penalties": Penalty,
    "model.augmentation": Augmentation,
    "model.autoencoder_optimizer": torch.optim.Optimizer,
    "model.encoder_optimizer": torch.optim.Optimizer,
    "model.network_optimizer": torch.optim.Optimizer,
    "model.generator_optimizer": torch.optim.Optimizer,
    "model.discriminator_optimizer": torch.optim.Optimizer,
    "model.autoencoder_scheduler": torch.optim.lr_scheduler.LRScheduler,
    "model.encoder_scheduler": torch.optim.lr_scheduler.LRScheduler,
    "model.network_scheduler": torch.optim.lr_scheduler.LRScheduler,
    "model.generator_scheduler": torch.optim.lr_scheduler.LRScheduler,
    "model.discriminator_scheduler": torch.optim.lr_scheduler.LRScheduler,
}
"""Keys whose value names a class, and the class that it must be a kind of."""


LISTS = ("model.penalties",)
"""Keys of which there may be several."""


class Parser(ArgumentParser):
    """A parser that explains errors in one line. (jsonargparse makes one for each class that it meets, too.)"""

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        if not self.exit_on_error:
            super().error(message, ex)  # inside a class: it raises, and comes by again for the whole command
        self.exit(2, f"{self.prog}: {explain(message, self)}\n")


def command_parser(command: str, description: str) -> Parser:
    """Options and YAML files of one command. A user's own classes are found in the working directory."""
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())  # a console script has its own folder there instead
    usage = f"gan {command} [--config FILE ...] [--key value ...]"
    parser = Parser(prog=f"gan {command}", usage=usage, description=description, allow_abbrev=False)
    parser.add_argument(
        "--config", action=ActionConfigFile, help="A YAML file of options. Several are laid over each other in order."
    )
    return parser


def instantiated(parser: Parser, config: Namespace) -> Namespace:
    """What the options make.

    Raises:
        UserError: A part refuses its options.
    """
    try:
        return Namespace(parser.instantiate(config))
    except ValueError as error:  # for an option that may be empty, jsonargparse wraps what a part says
        if isinstance(error.__cause__, UserError):
            raise error.__cause__ from None
        raise


def explain(message: str, parser: Parser) -> str:
    """One line in the user's words for an error of jsonargparse.

    Args:
        message: Its message, of any number of lines.
        parser: Knows the keys.
    """
    keys = re.findall(r'Parser key "([^"]+)"', message)
    key = keys[0] if keys else None
    if unknown := found(r"unrecognized arguments: (\S+)", message):
        name = unknown.removeprefix("--").split("=")[0]
        return f"{name} is not an option" + hint(name, known(parser)) if unknown.startswith("-") else message
    if option := re.search(r"Group '(.+)' does not accept option '(.+?)'", message):
        name = ".".join(option.groups())
        return f"{name} is not an option" + hint(name, known(parser))
    if (option := found(r"Option '(.+?)' is not accepted", message)) and key:
        made = found(r"class_path[ =]'(\S+?)'", message) or ""
        options = inspect.signature(imported(made)).parameters if made else ()
        return f"{made.split('.')[-1]} in {key} has no option {option}" + hint(option, options)
    if keys == [key] and key in LISTS and (value := found(r"collections\.abc\.Sequence\S* Got value: (\S+)", message)):
        return f"{key} is a list: --{key}+={value} on the command line, or [{value}] in a config"
    if (name := found(r"Expected a dot import path string: (\S+)", message)) and keys == [key] and key in CHOICES:
        base = CHOICES[key]
        return f"{key} is {name}, which is no {base.__name__} that is known here" + hint(
            name, [c.__name__ for c in subclasses(base) if not inspect.isabstract(c) and c.__name__[0] != "_"]
        )
    if missing := found(r"arguments are required: (.+)", message):
        keys = f"{key}.{missing}" if key else missing
        example = "--data MNIST" if keys == "data" else f"--{keys} VALUE"
        return f"{keys} must be given: {example} on the command line, or a --config file that holds it"
    if bounds := re.search(r"(\S+) does not conform to restriction (.+)", in_one_line(message)):
        return f"{key} is {bounds[1]}; it must be {bounds[2].replace('v', '')}"
    if (value := found(r"Unable to load config '(.*?)'", message)) and key:
        single = next((name for name in known(parser) if name.startswith(f"{key}.")), key)
        return f"{key} is {value}, which is no file of options; set single ones: --{single}"
    value, allowed = found(r"(?m)(?:Got|Given) value: (.*?)(?:\. Got value: .*)?$", message), kinds(message)
    if value and allowed:
        *most, last = allowed
        return f"{'.'.join(keys)} is {value}; it must be {', '.join(most)}{' or ' if most else ''}{last}"
    return in_one_line(message)


WORDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "str": "text",
    "collections.abc.Sequence": "a list",
    "list": "a list",
    "NoneType": "null",
}
"""Types as users know them."""


def kinds(message: str) -> list[str]:
    """What would have been right: values first, then kinds of values."""
    literals = re.findall(r"Expected a typing\.Literal\[(.*?)\]", message)
    named = [value.strip(" '") for literal in literals for value in literal.split(",")]
    types = [WORDS[name] for name in re.findall(r"Expected a <class '(.+?)'>", message) if name in WORDS]
    return list(dict.fromkeys(named + types))


def found(pattern: str, text: str) -> str | None:
    match = re.search(pattern, text)
    return match[1] if match else None


def imported(class_path: str) -> Any:
    module, _, name = class_path.rpartition(".")
    return getattr(sys.modules[module], name)


def known(parser: ArgumentParser) -> list[str]:
    own = [action.dest for action in parser._actions]
    return own + [f"{key}.{name}" for key, base in CHOICES.items() if key in own for name in arguments(base)]


def arguments(base: type) -> set[str]:
    """What the classes of a kind take."""
    return {name for cls in subclasses(base) for name in inspect.signature(cls).parameters}


def hint(name: str, names: Iterable[str]) -> str:
    names = sorted(set(names) - {"self", "params", "optimizer", "image_shape"})
    near = get_close_matches(name, names, n=1, cutoff=0.6)
    if near:
        return f"; did you mean {near[0]}?"
    return f"; there are {', '.join(names)}" if 0 < len(names) <= 20 else "; --help lists all"


def in_one_line(message: str) -> str:
    """What is left of a tree of attempts when types and empty alternatives are dropped."""
    noise = ("Does not validate", "Subtypes:", "Errors:", "Given value", "- Expected a <class 'NoneType'>")
    lines = [line.strip() for line in message.splitlines() if line.strip() and not line.strip().startswith(noise)]
    text = " ".join(lines).replace("<class '", "").replace("'>", "")
    return re.sub(r'Parser key "([^"]+)":\s*', r"\1: ", text)
