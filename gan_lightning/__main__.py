"""`python -m gan_lightning` is `gan`."""

from gan_lightning.cli import main

main()
