"""Training runs: their paths, checkpoints and metrics on disk, and signals that stop them."""
