"""Laws that hold for every feature network of the package."""

import pytest
import torch

from gan_lightning.core.discovery import path_of, subclasses
from gan_lightning.core.errors import UserError
from gan_lightning.evaluation.features import Learnt
from gan_lightning.networks import FeatureNetwork, ImageFeatures, LeNetFeatures
from gan_lightning.networks.feature_files import KINDS, write_features

NETWORKS = [cls for cls in subclasses(ImageFeatures) if cls.__module__.startswith("gan_lightning")]


@pytest.mark.parametrize("cls", NETWORKS)
@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 4, 5), (2, 33, 8)])
def test_each_image_of_any_shape_has_features_of_its_own(cls, shape):
    torch.manual_seed(0)
    network, x = cls(shape, classes=3, features=6, width=4), torch.randn(5, *shape)
    seen = network(x)
    assert (seen.shape, network.scores(seen).shape) == ((5, 6), (5, 3))
    assert torch.allclose(network(x[2:]), seen[2:], atol=1e-6)
    assert (seen.std(0) > 0).all()
    assert (network.image_shape, network.classes, network.features) == (shape, 3, 6)
    assert network.order_scores(seen).shape == cls(shape, features=6).order_scores(seen).shape == (5, 24)


@pytest.mark.parametrize("cls", NETWORKS)
@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"classes": -1}, "model.network.classes is -1; it must be at least 0"),
        ({"features": 0}, "model.network.features is 0"),
        ({"width": 0}, "model.network.width is 0"),
        ({"image_shape": (1, 3, 9)}, "images of 3x9 are too small"),
    ],
)
def test_options_that_no_network_can_have_are_refused(cls, options, says):
    with pytest.raises(UserError, match=says):
        cls(**{"image_shape": (1, 8, 8), **options})


@pytest.mark.parametrize("cls", NETWORKS)
def test_every_feature_network_of_the_package_and_no_other_comes_back_from_its_file(cls, tmp_path):
    assert KINDS[path_of(cls)] is cls
    torch.manual_seed(0)
    network = cls((1, 8, 8), classes=3, features=6, width=4)
    write_features(network, tmp_path / "f.safetensors", {"name": "mine"})
    x = torch.randn(2, 1, 8, 8)
    assert torch.equal(Learnt(tmp_path / "f.safetensors").extract(x).features, network(x).detach())


def test_a_feature_network_of_a_stranger_is_refused_even_if_it_is_loaded(tmp_path):
    class Mine(ImageFeatures):
        def __init__(self, image_shape=(1, 8, 8)):
            super().__init__()
            self.layer = torch.nn.Linear(1, 1)

        def forward(self, x):
            return x

        def scores(self, features):
            return features

    write_features(Mine(), tmp_path / "f.safetensors", {"name": "mine"})
    with pytest.raises(UserError, match=r"holds a .*Mine, which is not a feature network of gan_lightning"):
        Learnt(tmp_path / "f.safetensors")


def test_the_two_networks_for_digits_have_no_layer_of_one_shape_in_common_but_the_last():
    first, second = FeatureNetwork((1, 28, 28), classes=10), LeNetFeatures((1, 28, 28), classes=10)
    shapes = [{tensor.shape for tensor in network.parameters() if tensor.dim() > 1} for network in (first, second)]
    assert shapes[0] & shapes[1] == {(34, 64)}
