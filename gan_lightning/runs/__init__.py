"""A run on disk: its paths, its checkpoints, its metrics."""
