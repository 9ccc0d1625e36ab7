"""The `gan` command inside of the test's own process."""

from pathlib import Path

import pytest

from gan_lightning import cli

RUN = Path("lightning_logs/version_0")
SMALL = ["--data", "Digits", "--trainer.max_steps", "4", "--trainer.log_every_n_steps", "2"]
TINY = ["--model.generator.hidden", "[8]", "--model.discriminator.hidden", "[8]", "--grid.rows", "2"]


def gan(*arguments: str) -> None:
    cli.main(list(arguments))


def mistake(capsys, *arguments: str) -> str:
    """The one line with which a command ends."""
    with pytest.raises(SystemExit) as caught:
        gan(*arguments)
    assert caught.value.code == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert lines[-1].startswith(f"gan {arguments[0]}: ")
    assert not any("Traceback" in line for line in lines)
    return lines[-1]
