"""The models to train, one file for each kind; read gan.py first. New kinds in this folder are found by themselves."""

from gan_lightning.core.discovery import classes
from gan_lightning.training.alternating import AlternatingModule

globals().update(classes(__name__, AlternatingModule))
