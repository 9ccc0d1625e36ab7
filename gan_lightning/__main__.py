"""`python -m gan_lightning` is `gan`."""

import sys

if not getattr(sys.flags, "safe_path", sys.flags.isolated):
    del sys.path[0]  # the working directory, where a stranger's modules may lie

from gan_lightning.cli import main

main()
