"""A picture of a ladder."""

from pathlib import Path

from matplotlib.figure import Figure

from gan_lightning.core.whole_files import replacing
from gan_lightning.evaluation.ladder import SEEN, Ladder


def drawn(ladder: Ladder, path: Path) -> None:
    """Writes a picture of the distances over the floor, one line for each kind of damage, as PNG."""
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    axes.axhspan(0.5, SEEN, color="0.92", label="not told from undamaged images")
    for rung in ladder.rungs:
        name = f"{rung.damage} ({', '.join(f'{strength:g}' for strength in rung.strengths)})"
        axes.plot(range(1, len(rung.times) + 1), rung.times, marker="o", label=name)
    axes.set_yscale("log")
    axes.set_xticks(range(1, 1 + max(len(rung.times) for rung in ladder.rungs)))
    axes.set_xlabel("step, from the weakest damage to the strongest")
    axes.set_ylabel("Fréchet distance over the floor")
    axes.legend(fontsize="small")
    with replacing(path) as file:
        figure.savefig(file, format="png", dpi=120)
