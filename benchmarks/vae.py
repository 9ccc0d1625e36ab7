"""How likely a VAE finds digits that it has not seen, beside the numbers of Burda et al. (2016).

    gan fit --config configs/vae.yaml
    python benchmarks/vae.py lightning_logs/version_0/checkpoints/last.ckpt

Protocol: n of MNIST's 10,000 test digits, evenly spaced (the second half is harder), each binarised once (a pixel is
white with its grey value as the probability), and the importance-weighted bound with k draws for each, all drawn from
the seed. Encoder and decoder are the averaged ones. The interval is the mean plus or minus 1.96 standard errors over
digits; it does not contain that of another training. k = 1 is the ELBO. Burda et al. take all digits and k = 5,000.

A coordinate is active if the variance of its posterior mean over the digits is above 0.01, as they count.
"""

import argparse
import math
import time

import torch
from torchvision.datasets import MNIST

from gan_lightning import VAE
from gan_lightning.data.image_data import scale

ANCHORS = {
    "VAE, one layer of latents": 86.76,
    "VAE, two layers of latents": 85.33,
    "IWAE, one layer, k = 50": 84.78,
    "IWAE, two layers, k = 50": 82.90,
}
"""-log p in nats: Burda, Grosse and Salakhutdinov, "Importance weighted autoencoders", 2016, Table 1.
https://arxiv.org/abs/1509.00519"""


def binary_digits(root: str, count: int, stream: torch.Generator) -> torch.Tensor:
    """Test digits (count, 1, 28, 28), each pixel -1 or 1."""
    pixels = MNIST(root, train=False).data.unsqueeze(1)
    x = scale(pixels[torch.linspace(0, len(pixels) - 1, count).round().long()])
    return (2 * torch.rand(x.shape, generator=stream) < 1 + x).float() * 2 - 1


def interval(values: torch.Tensor) -> str:
    return f"{values.mean():.2f} ± {1.96 * values.std() / math.sqrt(len(values)):.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", help="of a VAE on MNIST with the Bernoulli likelihood")
    parser.add_argument("--root", default="data", help="the folder that holds MNIST/raw")
    parser.add_argument("--images", type=int, default=1000, help="n")
    parser.add_argument("--samples", type=int, nargs="+", default=[1, 50, 1000], help="k")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    vae = VAE.load_from_checkpoint(options.checkpoint, map_location=options.device)
    x = binary_digits(options.root, options.images, torch.Generator().manual_seed(options.seed)).to(options.device)
    with torch.no_grad():
        q = vae.posterior(x)
    active = int((q.mean.var(0) > 0.01).sum())
    print(f"torch {torch.__version__}, n = {len(x)}, seed {options.seed}, {options.checkpoint}")
    print(f"KL {interval(q.kl().sum(1))} nats, {active} of {q.mean.shape[1]} coordinates active\n")
    print("| model | log p(x) in nats | CPU-seconds |")
    print("|---|---|---|")
    for k in options.samples:
        started, stream = time.process_time(), torch.Generator().manual_seed(options.seed + 1)
        values = torch.cat([vae.log_likelihood(part, k, stream) for part in x.split(100)])
        print(f"| this checkpoint, k = {k:,} | {interval(values)} | {time.process_time() - started:.0f} |", flush=True)
    for name, nats in ANCHORS.items():
        print(f"| Burda et al., {name} | -{nats:.2f} | |")


if __name__ == "__main__":
    main()
