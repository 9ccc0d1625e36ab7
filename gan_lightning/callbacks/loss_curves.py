"""The callback that draws the loss curves."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from lightning.pytorch import Callback, LightningModule, Trainer
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from gan_lightning.core.errors import TrainingError
from gan_lightning.core.intervals import due
from gan_lightning.core.whole_files import replacing
from gan_lightning.runs.run import Run
from gan_lightning.runs.signals import Stopped
from gan_lightning.training.alternating import AlternatingModule
from gan_lightning.training.resumable import damaged_part

SHARES = {"D/real", "D/fake", "D/accuracy", "right"}
"""Metrics between 0 and 1, drawn on that scale."""


class LossCurves(Callback):
    """Draws `losses.png` into the run's folder when training ends, fails or is stopped.

    It shows the losses of both players, D(x), D(G(z)) and D's accuracy; for other models, what their `curves` name.
    Dashed lines are their `levels`, such as what guessing would reach.

    Thin lines are single batches; thick lines are means over a fiftieth of the run.

    It records what the model logs every `trainer.log_every_n_steps` iterations.
    """

    def __init__(self) -> None:
        self.curves: dict[str, list[float]] = {}
        self.panels: dict[str, dict[str, str]] = {}
        self.levels: Mapping[str, Mapping[str, float]] = {}

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        known = isinstance(pl_module, AlternatingModule)
        self.panels, self.levels = (pl_module.curves, pl_module.levels) if known else ({}, {})
        if not trainer.global_step:
            self.curves = {}

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if due(trainer.global_step, trainer.log_every_n_steps):  # type: ignore[attr-defined]
            self.curves.setdefault("step", []).append(trainer.global_step)
            for name in (name for panel in self.panels.values() for name in panel.values()):
                self.curves.setdefault(name, []).append(trainer.callback_metrics[name].item())

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.draw(trainer)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        if isinstance(exception, (TrainingError, Stopped)):
            self.draw(trainer)

    def draw(self, trainer: Trainer) -> None:
        path = Run.of(trainer).losses
        if trainer.is_global_zero and self.curves and self.panels:
            with replacing(path) as file:
                self.figure().savefig(file, format="png", dpi=120)

    def figure(self) -> Figure:
        figure = Figure(figsize=(8, 3 * len(self.panels)), layout="constrained")
        rows = figure.subplots(len(self.panels), 1, sharex=True, squeeze=False)
        for axes, (title, lines) in zip(rows[:, 0], self.panels.items(), strict=True):
            self.draw_lines(axes, lines)
            for label, height in self.levels.get(title, {}).items():
                axes.axhline(height, color="0.5", linestyle="--", label=label)
            axes.set_ylabel(title)
            axes.grid(alpha=0.3)
            axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
            axes.margins(x=0, y=0.05)
            if {*lines.values()} <= SHARES:
                axes.set_ylim(0, 1)
        figure.axes[-1].set_xlabel("iteration")
        figure.axes[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
        return figure

    def draw_lines(self, axes: Axes, lines: dict[str, str]) -> None:
        for colour, (label, name) in enumerate(lines.items()):
            values = self.curves[name]
            steps = self.curves["step"][-len(values) :]  # what is new since a resume has fewer values
            axes.plot(steps, values, f"C{colour}", linewidth=0.8, alpha=0.3)
            marker = "o" if len(steps) < 10 else None  # a line needs two points
            axes.plot(*smooth(steps, values), f"C{colour}", label=label, marker=marker, clip_on=marker is None)

    def state_dict(self) -> dict[str, Any]:
        return {"curves": self.curves}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        curves = state_dict["curves"]
        longest = len(curves.get("step", ()))
        for curve in curves.values():
            right = (
                isinstance(curve, list) and len(curve) <= longest and all(isinstance(y, (int, float)) for y in curve)
            )
            if not right:
                raise damaged_part("callbacks.LossCurves")
        self.curves = curves


def smooth(steps: list[float], values: list[float]) -> tuple[np.ndarray, np.ndarray]:
    """Returns the means over windows of a fiftieth of the curve, each at the middle of its window."""
    window = np.ones(max(1, len(values) // 50)) / max(1, len(values) // 50)
    return np.convolve(steps, window, "valid"), np.convolve(values, window, "valid")
