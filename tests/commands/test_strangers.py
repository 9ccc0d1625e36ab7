"""What strangers put into checkpoints, names, configs and command lines ends in success or in one line."""

import random
import urllib.request
from pathlib import Path
from shutil import copyfile

import pytest
import torch
from helpers.commands import RUN, SMALL, TINY, gan, mistake

LAST = RUN / "checkpoints/last.ckpt"
NAME = "theirs\x1b[31m|<b>[a](b).ckpt"


@pytest.fixture
def trained(in_tmp_path: Path, capsys: pytest.CaptureFixture) -> Path:
    gan("fit", *SMALL, *TINY)
    capsys.readouterr()
    return LAST


def test_the_data_of_a_checkpoint_is_never_downloaded_nor_written(trained: Path, capsys, monkeypatch):
    content = torch.load(trained, weights_only=True)
    data = {"class_path": "gan_lightning.data.mnist.MNIST", "init_args": {"root": "nowhere/data"}}
    content["callbacks"]["ConfigWriter"]["settings"]["data"] = data
    torch.save(content, "theirs.ckpt")
    asked = []
    monkeypatch.setattr(urllib.request, "urlopen", lambda *words, **more: asked.append(words) or 1 / 0)
    assert "MNIST could not be read" in mistake(capsys, "test", "theirs.ckpt")
    assert not asked
    assert not Path("nowhere").exists()
    assert "MNIST could not be downloaded" in mistake(capsys, "test", "theirs.ckpt", "--data", "MNIST")
    assert asked, "the user's own word downloads it"


def test_names_reach_neither_a_terminal_nor_a_report_unescaped(trained: Path, capsys):
    copyfile(trained, NAME)
    gan("test", NAME, "--judge.samples", "30", "--judge.folder", "report")
    gan("fit", *SMALL, *TINY, "--ckpt_path", NAME, "--trainer.max_steps", "5")
    printed = capsys.readouterr()
    assert "theirs" in printed.out
    assert "\x1b" not in printed.out + printed.err
    report = Path("report/report.md").read_text(encoding="utf-8")
    assert "\x1b" not in report
    assert r"\|\<b\>\[a\](b).ckpt" in report
    torch.save({"nothing": 1}, NAME)
    assert "\x1b" not in mistake(capsys, "predict", NAME)


ALIASES = "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 40))

CONFIGS = {
    "aliases": ALIASES.encode(),
    "itself": b"model: &m\n  generator: *m\n",
    "deep": b"model: " + b"[" * 5000 + b"]" * 5000,
    "latin": "seed: 1  # Fréchet\n".encode("latin-1"),
    "binary": bytes(range(256)),
    "code": b"seed: !!python/object/apply:os.system [touch ran]\n",
    "list": b"- seed\n",
    "null": b"\0\0\0",
    "merge": b"<<: 3\n",
    "numbers": b"3: 4\nnull: 5\n",
}


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("command", ["fit", "predict", "test"])
def test_a_config_of_any_bytes_is_refused_in_one_line(command: str, name: str, in_tmp_path: Path, capsys):
    Path("theirs.yaml").write_bytes(CONFIGS[name])
    words = {"fit": ["--data", "Digits"], "predict": ["last"], "test": ["last"]}[command]
    mistake(capsys, command, *words, "--config", "theirs.yaml")
    assert not Path("ran").exists()


VALUES = [
    "", "-1", "0", "nan", "1e400", "true", "null", "[]", "{}", "[", "{a: [", "a\x1bb", "~", "$NO", "os.system", "x.Y",
    "--", "../..", "/dev/null", "last", "9" * 400, "!!python/name:os.system", "&a [*a]", "é\udcff", "1_0", "0x1F",
]  # fmt: skip
OPTIONS = [
    "config", "kind", "seed", "ckpt_path", "data", "data.root", "data.batch_size", "data.held_out", "model.objective",
    "model.generator", "model.generator.hidden", "model.penalties+", "model.discriminator_steps", "model.average_decay",
    "model.generator_optimization.optimizer", "model.generator_optimization.optimizer.lr", "grid.rows", "judge.samples",
    "model.generator_optimization.scheduler", "judge.every_n_steps", "checkpoint.monitor", "trainer.max_steps", "trust",
    "trainer.precision", "trainer.devices", "trainer.default_root_dir", "trainer.accelerator", "model", "trainer",
    "images", "judge.extractor", "samples.count", "samples.labels", "samples.folder", "device", "nothing",
    "print_config",
]  # fmt: skip


def try_words(command: str, chance: random.Random, capsys: pytest.CaptureFixture) -> None:
    """Runs a command with one or two strange options."""
    words = [f"--{chance.choice(OPTIONS)}={chance.choice(VALUES)}" for _ in range(chance.randint(1, 2))]
    start = {"fit": [*SMALL, *TINY, "--trainer.max_steps", "1"], "predict": [str(LAST)], "test": [str(LAST)]}[command]
    more = ["--trainer.fast_dev_run", "true"] if command == "fit" else []
    try:
        gan(command, *start, *words, *more)
    except SystemExit as end:
        assert end.code in (0, 2), words  # noqa: PT017  the line that failed
    assert "\x1b" not in capsys.readouterr().err, words


@pytest.mark.parametrize("command", ["fit", "predict", "test"])
def test_a_command_line_of_strange_options_is_answered_in_one_line(command: str, trained: Path, capsys, monkeypatch):
    chance = random.Random(0)
    for _ in range(25):
        try_words(command, chance, capsys)


@pytest.mark.long
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of options that jsonargparse will not have for ever
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("command", ["fit", "predict", "test"])
def test_any_command_line_of_strange_options_is_answered_in_one_line(command: str, seed: int, trained: Path, capsys):
    chance = random.Random(f"{command} {seed}")
    for _ in range(50):
        try_words(command, chance, capsys)
