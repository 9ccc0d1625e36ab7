"""What is trained, one file a kind; read gan.py first. Every kind of model in this folder is found by itself."""

from gan_lightning.core.discovery import classes
from gan_lightning.training.alternating import AlternatingModule

globals().update(classes(__name__, AlternatingModule))
