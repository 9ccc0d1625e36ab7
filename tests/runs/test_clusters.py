"""The commands of docs/clusters.md, with two groups of processes on this machine in place of two machines."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
import yaml
from helpers.heavy import HEAVY, THIN
from helpers.processes import free_port, gan, start, start_two, status, torchrun
from helpers.tiny import equal, state

ROOT = Path(__file__).parents[2]
SHORT = """
data: {class_path: Digits, init_args: {batch_size: 8}}
model:
  generator: {class_path: MLPGenerator, init_args: {hidden: [8]}}
  discriminator: {class_path: MLPDiscriminator, init_args: {hidden: [8]}}
grid: {every_n_steps: 0, rows: 2}
trainer: {max_steps: 120, log_every_n_steps: 5, accelerator: cpu}
"""
SRUN = """#!/bin/bash
# Two tasks on two nodes, as SLURM would start them; signals are passed on.
for i in 0 1; do
    SLURM_PROCID=$i SLURM_NODEID=$i SLURM_LOCALID=0 "$@" &
    tasks="$tasks $!"
done
trap 'kill -USR1 $tasks' USR1
echo $$ > srun.pid
status=0
for task in $tasks; do
    wait $task; code=$?
    while kill -0 $task 2> /dev/null; do wait $task; code=$?; done
    [ $code -gt $status ] && status=$code
done
exit $status
"""


@pytest.fixture(autouse=True)
def a_clone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{Path(sys.executable).parent}:{os.environ['PATH']}")
    for name, text in {
        "configs/mnist.yaml": SHORT,
        "bin/srun": SRUN,
        "bin/scontrol": "#!/bin/bash\necho $@ >> asked",
    }.items():
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(text)
        Path(name).chmod(0o755)


@pytest.mark.long
def test_torchrun_on_two_machines_trains_one_gan():
    (command,) = re.findall(r"^torchrun.*?(?=^```)", (ROOT / "docs/clusters.md").read_text(), re.MULTILINE | re.DOTALL)
    command = command.replace("--nproc_per_node 4", "--nproc_per_node 1").replace("devices 4", "devices 1").strip()
    port = str(free_port())
    nodes = [
        subprocess.Popen(
            ["bash", "-c", command.replace("29500", port) + " --trainer.max_steps 20"],
            env={**os.environ, "NODE": str(node), "FIRST": "127.0.0.1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for node in range(2)
    ]
    output = [node.communicate(timeout=120)[0] for node in nodes]
    assert [node.returncode for node in nodes] == [0, 0], output
    assert "20 iterations in all, on 2 x cpu" in output[0]
    assert torch.load("lightning_logs/version_0/checkpoints/last.ckpt", weights_only=True)["global_step"] == 20


CONFIGS = [[c] for c in sorted(ROOT.glob("configs/*.yaml"))]
OVERLAYS = [c for c in sorted(ROOT.glob("configs/overlays/*.yaml")) if "VGG19Backbone" not in c.read_text()]
"""But for those that need weights that are downloaded."""
CONFIGS += [[ROOT / "configs/mnist.yaml", c] for c in OVERLAYS]


def kind(configs: list[Path]) -> str:
    return yaml.safe_load(configs[0].read_text()).get("kind", "GAN")


FIRST = {kind(configs): configs for configs in CONFIGS[::-1]}
"""The first config of each kind of model."""


@pytest.mark.parametrize(
    "configs",
    [
        pytest.param(configs, id=configs[-1].name, marks=[] if configs in FIRST.values() else pytest.mark.long)
        for configs in CONFIGS
    ],
)
def test_every_config_trains_on_two_processes(configs, mnist_root, monkeypatch):
    """By default one config for each kind of model, with `-m long` all of them and the overlays. GPU configs: thin."""
    monkeypatch.setenv("PYTHONWARNINGS", "error:.*find_unused_parameters")
    text = "".join(c.read_text() for c in configs)
    data = ["--data.root", str(mnist_root)] if "root:" in text else []
    if "class_path: Unpaired" in text:
        data = ["--data.a", str(mnist_root / "class 0"), "--data.b", str(mnist_root / "class 1")]
    few = configs[0].stem in HEAVY or kind(configs).endswith("Translator")
    light = [f"--data.batch_size={4 if few else 40}", *(THIN if configs[0].stem in HEAVY else [])]
    short = ["--trainer.max_steps", "3", "--trainer.log_every_n_steps", "1", *light]
    two = ["--trainer.devices", "2", "--trainer.strategy", "ddp", "--trainer.accelerator", "cpu"]
    command = ["fit", *(word for c in configs for word in ("--config", str(c))), *data, *short, *two]
    assert [status(process) for process in start_two(gan, *command)] == [0, 0], Path("output.txt").read_text()
    assert "3 iterations in all, on 2 x cpu" in Path("output.txt").read_text()


def script(folder: str) -> str:
    return (ROOT / "docs/job.slurm").read_text().replace("runs/mnist", folder)


def without_interruption(folder: str) -> None:
    """The command of the job, as torchrun would start it on two machines."""
    (command,) = re.findall(r"^srun gan (.*)$", script(folder).replace("\\\n", ""), re.MULTILINE)
    words = command.replace('"$SLURM_NNODES"', "2").replace('"$SLURM_NTASKS_PER_NODE"', "1").split()
    port = str(free_port())
    group = [start(gan, *words, **torchrun(rank, 2, port, nodes=2)) for rank in range(2)]
    assert [status(process) for process in group] == [0, 0], Path("output.txt").read_text()


def job(folder: str, stop: bool) -> subprocess.Popen:
    """Submits the job of the docs; if told to, lets its time be nearly over in the middle of the training."""
    slurm = {"SLURM_JOB_ID": "77", "SLURM_JOB_NAME": "gan", "SLURM_NTASKS": "2", "SLURM_NTASKS_PER_NODE": "1"}
    slurm |= {"SLURM_NNODES": "2", "SLURM_NODELIST": "127.0.0.1", "SLURM_JOB_NODELIST": "127.0.0.1"}
    Path("srun.pid").unlink(missing_ok=True)
    port = {"MASTER_PORT": str(free_port())}
    with open("output.txt", "a") as file:
        process = subprocess.Popen(
            ["bash", "-c", script(folder)], env=os.environ | slurm | port, stdout=file, stderr=file
        )
    if stop:
        table = Path(folder) / "lightning_logs/version_0/metrics.csv"
        for _ in range(24_000):
            if process.poll() is not None or (table.exists() and table.read_text().count("\n") > 3):
                break
            time.sleep(0.005)
        os.kill(int(Path("srun.pid").read_text()), signal.SIGUSR1)
    process.wait(timeout=120)
    return process


@pytest.mark.long
def test_a_slurm_job_is_queued_again_and_goes_on_to_the_same_end():
    without_interruption("runs/whole")
    assert job("runs/parts", stop=True).returncode == 138, Path("output.txt").read_text()
    assert Path("asked").read_text() == "requeue 77\n"
    assert job("runs/parts", stop=False).returncode == 0, Path("output.txt").read_text()
    whole, parts = (Path("runs") / name / "lightning_logs/version_0" for name in ("whole", "parts"))
    a, b = (state(run / "checkpoints/last.ckpt") for run in (whole, parts))
    for checkpoint in (a, b):
        del checkpoint["callbacks"]["ConfigWriter"]["settings"]["trainer"]["default_root_dir"]
    assert equal(a, b)
    assert "on 2 x cpu" in Path("output.txt").read_text()
    assert (whole / "metrics.csv").read_bytes() == (parts / "metrics.csv").read_bytes()
