"""Knows no GAN: errors, files, seeds, processes, pictures."""
