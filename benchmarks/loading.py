"""How long images of your own take until training can begin, the first time and the second, and how fast they come.

    python benchmarks/loading.py my_images photos.zip

For each folder or zip file, in an empty cache: seconds (of the clock, and of all cores) until the images are there, at
the first start, at the second, and at the second where they do not fit into memory; then images a second as batches,
from memory, from the cache and decoded again. Listing is part of each start.
"""

import argparse
import os
import tempfile
import time

from gan_lightning.core.user_cache import PLACE
from gan_lightning.data import ImageFolder


def ready(root: str, size: int, **options: float) -> tuple[ImageFolder, float, float]:
    """The images, and the seconds that they took: of the clock, and of all cores."""
    clock, cores = time.perf_counter(), time.process_time()
    data = ImageFolder(root, size, **options)  # type: ignore[arg-type]
    data.setup("fit")
    return data, time.perf_counter() - clock, time.process_time() - cores


def rate(data: ImageFolder, batches: int) -> float:
    """Images a second in the first batches of an epoch."""
    start, seen = time.perf_counter(), 0
    for x, _ in (found for found, _ in zip(data.train_dataloader(), range(batches), strict=False)):
        seen += len(x)
    return seen / (time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("roots", nargs="+")
    parser.add_argument("--size", type=int, default=64)
    chosen = parser.parse_args()
    print("| images | start | seconds | CPU-seconds | then images a second |\n|---|---|---|---|---|")
    for root in chosen.roots:
        with tempfile.TemporaryDirectory() as folder:
            os.environ[PLACE] = folder
            for words, options, batches in (
                ("first", {}, 200),
                ("second", {}, 200),
                ("second, not in memory", {"memory_gib": 0.0}, 200),
                ("no cache, not in memory", {"memory_gib": 0.0, "cache_gib": 0.0}, 10),
            ):
                data, clock, cores = ready(root, chosen.size, **options)
                words = f"{os.path.basename(root)} ({len(data.of_files):,}) | {words}"
                print(f"| {words} | {clock:.1f} | {cores:.1f} | {rate(data, batches):,.0f} |", flush=True)


if __name__ == "__main__":
    main()
