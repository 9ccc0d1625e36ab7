"""Utilities that know nothing of GANs: errors, checkpoint files, seeds, processes, images."""
