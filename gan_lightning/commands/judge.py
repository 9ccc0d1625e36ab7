"""`gan validate` and `gan test`."""

from collections.abc import Sequence

JUDGING = (
    "This version does not judge yet. `gan {command} --ckpt_path FILE` will compare samples of the averaged generator "
    "with held-out images: Fréchet distance, kernel distance, precision and recall, density and coverage, "
    "authenticity, each with its n, its interval and its floor (real images against real images)."
)


def judge(command: str, arguments: Sequence[str]) -> None:
    """Says what will be measured."""
    print(JUDGING.format(command=command))
