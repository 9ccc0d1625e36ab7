"""How well R1 and R2 without second derivatives agree with the exact ones, on a discriminator that has been trained.

    python benchmarks/approximate.py --ckpt_path lightning_logs/version_0/checkpoints/last.ckpt --root data

For several spreads s: the mean of the approximate penalty over many draws as a share of the exact one (1 is no bias),
how far a single draw for a batch scatters, the cosine between the gradients that D's weights get from the two, and what
each costs in CPU time.
"""

import argparse
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from gan_lightning import GAN
from gan_lightning.data import MNIST
from gan_lightning.penalties import R1, R2, ApproximateR1, ApproximateR2, Penalty, PenaltyInput

SPREADS = (0.1, 0.01, 0.001, 1e-4, 1e-5, 1e-6)


def slope(penalty: Penalty, seen: PenaltyInput, network: nn.Module) -> Tensor:
    """The gradient, flat, that the penalty makes for D's weights."""
    weights = [p for p in network.parameters() if p.requires_grad]
    slopes = torch.autograd.grad(penalty(seen), weights, allow_unused=True)
    return torch.cat(
        [w.new_zeros(w.numel()) if s is None else s.flatten() for w, s in zip(weights, slopes, strict=True)]
    )


def cpu_ms(work: Callable[[], object], times: int = 10) -> float:
    started = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - started) / times * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ckpt_path", required=True, help="a GAN without labels, trained on MNIST")
    parser.add_argument("--root", default="data")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--draws", type=int, default=100)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    gan = GAN.load_from_checkpoint(chosen.ckpt_path).double()  # or rounding would end the small spreads
    data = MNIST(chosen.root, batch_size=chosen.batch)
    data.setup("fit")
    x = next(iter(data.train_dataloader()))[0].double() / 127.5 - 1
    y = torch.zeros(len(x)).long()
    with torch.no_grad():
        fakes = gan.generator(torch.randn(len(x), gan.generator.latent_dim, dtype=x.dtype), y)
    judge = lambda x: gan.discriminate(x, y).logits  # noqa: E731
    noise = lambda *shape: torch.randn(shape, dtype=x.dtype)  # noqa: E731
    seen = PenaltyInput(judge, judge, x, fakes, judge(x), judge(fakes), noise, torch.rand)
    print("| | s | mean / exact (s.e.) | deviation | cosine of the mean gradient | of a draw's | CPU time / exact |")
    print("|---|---|---|---|---|---|---|")
    for exact, approximate in ((R1(1.0), ApproximateR1), (R2(1.0), ApproximateR2)):
        value, truth = exact(seen).item(), slope(exact, seen, gan.discriminator)
        cost = cpu_ms(lambda p=exact: slope(p, seen, gan.discriminator))
        for spread in SPREADS:
            penalty = approximate(1.0, spread=spread)
            values = torch.stack([penalty(seen).detach() for _ in range(chosen.draws)]) / value
            slopes = torch.stack([slope(penalty, seen, gan.discriminator) for _ in range(chosen.draws)])
            cosines = torch.cosine_similarity(slopes, truth[None], dim=1)
            mean = torch.cosine_similarity(slopes.mean(0), truth, dim=0)
            share = cpu_ms(lambda p=penalty: slope(p, seen, gan.discriminator)) / cost
            error = values.std() / len(values) ** 0.5
            print(
                f"| {type(exact).__name__} | {spread} | {values.mean():.3f} ({error:.3f}) | {values.std():.2f} | "
                f"{mean:.3f} | {cosines.mean():.2f} | {share:.2f} |"
            )


if __name__ == "__main__":
    main()
