"""What sees images: learnt feature networks, their files, and Inception where it can be had."""

import builtins
from functools import partial
from itertools import permutations
from math import log

import pytest
import torch
from helpers.tiny import SHAPE, Blobs, fit
from safetensors.torch import save_file

from gan_lightning import FeatureLearner
from gan_lightning.callbacks import FeatureWriter
from gan_lightning.core.errors import UserError
from gan_lightning.data import MNIST, Digits, Ring, StackedMNIST
from gan_lightning.evaluation.features import Coordinates, Inception, Learnt, extractor_for, inception
from gan_lightning.evaluation.features.inception import as_pixels
from gan_lightning.models.feature_learner import cross_entropy, puzzle
from gan_lightning.networks import FeatureNetwork
from gan_lightning.networks.feature_files import PINNED, write_features
from gan_lightning.training.optimization import Optimization

FAST = partial(torch.optim.Adam, lr=3e-3)


def network(classes: int = 3) -> FeatureNetwork:
    torch.manual_seed(0)
    return FeatureNetwork(SHAPE, classes, features=5, width=4)


def noise(count: int = 7) -> torch.Tensor:
    return torch.rand(count, *SHAPE, generator=torch.Generator().manual_seed(1)) * 2 - 1


def test_a_feature_network_is_the_same_after_a_way_through_its_file(tmp_path):
    write_features(network(), tmp_path / "f.safetensors", {"name": "mine"})
    found, again = Learnt(tmp_path / "f.safetensors"), Learnt(tmp_path / "f.safetensors")
    seen = found.extract(noise())
    assert torch.equal(seen.features, network()(noise()).detach())
    assert seen.probabilities is not None
    assert torch.allclose(seen.probabilities.sum(1), torch.ones(7))
    assert (found.name, len(found.digest)) == ("mine", 12)
    assert found.digest == again.digest
    write_features(network(), tmp_path / "g.safetensors", {"name": "other"})
    assert Learnt(tmp_path / "g.safetensors").digest != found.digest, "the digest is that of all that is in the file"


def test_without_labels_there_are_no_probabilities(tmp_path):
    write_features(network(classes=0), tmp_path / "f.safetensors", {"name": "mine"})
    assert Learnt(tmp_path / "f.safetensors").extract(noise()).probabilities is None


def test_what_is_no_feature_network_is_refused_in_one_line(tmp_path):
    path = tmp_path / "f.safetensors"
    with pytest.raises(UserError, match="there is no file"):
        Learnt(path)
    path.write_bytes(b"no safetensors")
    with pytest.raises(UserError, match=r"f\.safetensors holds no feature network"):
        Learnt(path)
    save_file({"a": torch.zeros(1)}, path)
    with pytest.raises(UserError, match="holds no feature network"):
        Learnt(path)
    words = {"network": '{"class_path": "os.system", "init_args": {"command": "true"}}', "about": '{"name": "evil"}'}
    save_file({"a": torch.zeros(1)}, path, words)
    with pytest.raises(UserError, match=r"holds a os\.system"):
        Learnt(path)


def test_a_feature_network_with_numbers_that_are_not_finite_is_refused(tmp_path):
    broken = network()
    torch.nn.init.constant_(broken.dense.weight, float("nan"))
    write_features(broken, tmp_path / "f.safetensors", {"name": "mine"})
    with pytest.raises(UserError, match="holds weights that are not finite"):
        Learnt(tmp_path / "f.safetensors")


def test_images_of_another_shape_are_refused(tmp_path):
    write_features(network(), tmp_path / "f.safetensors", {"name": "mine"})
    with pytest.raises(UserError, match=r"knows grey images of 4x4 \(mine\), but these are colour images of 8x8"):
        Learnt(tmp_path / "f.safetensors").extract(torch.zeros(2, 3, 8, 8))


def test_the_one_that_comes_with_the_package_is_small_and_knows_digits():
    extractor = extractor_for(MNIST())
    assert isinstance(extractor, Learnt)
    path = PINNED["MNIST"]
    assert path.stat().st_size < 1_000_000
    digits = Digits()
    digits.setup("fit")
    assert digits.source is not None
    x, y = digits.source[torch.arange(500)]
    seen = extractor.extract(digits.as_floats(x))
    assert seen.features.shape == (500, 64)
    assert (seen.features.std(0) > 0.01).all(), "no feature is dead"
    assert seen.probabilities is not None
    assert (seen.probabilities.argmax(1) == y).float().mean() > 0.6, "it has never seen these digits, only MNIST's"


def test_three_digits_are_seen_channel_by_channel():
    extractor, single = extractor_for(StackedMNIST()), extractor_for(MNIST())
    digits = Digits()
    digits.setup("fit")
    assert digits.source is not None
    x = digits.as_floats(digits.source[torch.arange(30)][0])
    seen, alone = extractor.extract(x.reshape(10, 3, 28, 28)), single.extract(x)
    assert torch.allclose(seen.features, alone.features.reshape(10, 192), atol=1e-5)
    assert seen.probabilities is not None
    assert alone.probabilities is not None
    assert torch.allclose(seen.probabilities.sum(1), torch.ones(10), atol=1e-5)
    best = alone.probabilities.argmax(1).reshape(10, 3)
    assert torch.equal(seen.probabilities.argmax(1), (best * torch.tensor([100, 10, 1])).sum(1)), "as data labels them"
    sure = alone.probabilities.max(1).values.reshape(10, 3).prod(1)
    assert torch.allclose(seen.probabilities.max(1).values, sure, atol=1e-5)


def test_points_are_their_own_features():
    extractor = extractor_for(Ring())
    assert isinstance(extractor, Coordinates)
    assert torch.equal(extractor.extract(torch.ones(3, 2, 1, 1)).features, torch.ones(3, 2))
    with pytest.raises(UserError, match="are not points"):
        extractor.extract(noise())
    with pytest.raises(UserError, match=r"judge\.extractor is MNIST, but points are their own features"):
        extractor_for(Ring(), "MNIST")


def test_data_that_no_network_knows_is_refused_with_what_to_do():
    data = Blobs()
    data.image_shape = (2, 4, 4)
    with pytest.raises(UserError, match=r"feature network for Blobs: train one with gan fit --config extractor"):
        extractor_for(data)


# ---- learning -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("height", "width"), [(4, 4), (5, 4), (6, 7)])
def test_quarters_are_shuffled_whole_and_the_middle_of_odd_sizes_stays(height, width):
    x = torch.arange(24 * 2 * height * width, dtype=torch.float32).view(24, 2, height, width)
    shuffled, order = puzzle(x, lambda n: torch.arange(n) / n + 0.01)
    assert order.tolist() == list(range(24)), "every order has the same share of numbers"
    tops, lefts = (
        (slice(0, height // 2), slice(-(height // 2), None)),
        (slice(0, width // 2), slice(-(width // 2), None)),
    )
    corners = [(..., top, left) for top in tops for left in lefts]
    for one, before, places in zip(shuffled, x, permutations(range(4)), strict=True):
        for corner, place in zip(corners, places, strict=True):
            assert torch.equal(one[corner], before[corners[place]])
        middle = before.clone(), one.clone()
        for corner in corners:
            for image in middle:
                image[corner] = 0
        assert torch.equal(*middle)


def test_digits_are_learnt_from_their_labels(tmp_path):
    torch.manual_seed(0)
    data = Digits(batch_size=64, held_out=0.3)
    model = FeatureLearner(
        FeatureNetwork(data.image_shape, 10, features=16, width=8), network_optimization=Optimization(FAST)
    )
    fit(model, data, max_steps=100, callbacks=[FeatureWriter()], default_root_dir=tmp_path)
    about = Learnt(tmp_path / "features.safetensors").about
    assert about["accuracy"] > 0.8
    assert (about["images"], about["held_out"], about["iterations"]) == (1260, 0.3, 100)


def test_without_labels_the_quarters_of_images_not_seen_before_are_put_in_order(tmp_path):
    torch.manual_seed(0)
    data = Digits(batch_size=64, held_out=0.3)
    net = FeatureNetwork(data.image_shape, 0, features=16, width=8)
    fit(FeatureLearner(net, network_optimization=Optimization(FAST)), data, max_steps=200, default_root_dir=tmp_path)
    assert data.left_out is not None
    x = data.as_floats(data.left_out[torch.arange(200)][0])
    stream = torch.Generator().manual_seed(3)
    shuffled, order = puzzle(x, lambda n: torch.rand(n, generator=stream))
    right = (net.order_scores(net(shuffled)).argmax(1) == order).float().mean()
    assert right > 0.5, "a guess is right once in 24 times"


def test_with_labels_and_puzzles_both_are_learnt():
    net = FeatureNetwork((1, 8, 8), 10, features=16, width=8)
    learner = FeatureLearner(net, puzzles=True)
    asked = learner.questions(torch.rand(3, 1, 8, 8), torch.arange(3))
    assert {name: tuple(scores.shape) for name, (scores, _) in asked.items()} == {"labels": (3, 10), "puzzles": (3, 24)}
    with pytest.raises(UserError, match=r"nothing to learn from: set model\.puzzles to true"):
        FeatureLearner(FeatureNetwork((1, 8, 8)), puzzles=False)


@pytest.mark.parametrize(
    ("classes", "puzzles", "loss", "right"),
    [(0, True, log(24), 1 / 24), (10, False, log(10), 1 / 10), (10, True, log(240), 1 / 10)],
)
def test_the_chance_level_is_what_a_network_reaches_that_finds_all_answers_equally_likely(
    classes, puzzles, loss, right
):
    net = FeatureNetwork((1, 8, 8), classes, features=4, width=4)
    learner = FeatureLearner(net, puzzles)
    asked = learner.questions(torch.rand(2, 1, 8, 8), torch.arange(2))
    losses = [cross_entropy(torch.zeros_like(scores), answer).item() for scores, answer in asked.values()]
    levels = [level["chance"] for level in learner.levels.values()]
    assert levels == pytest.approx([loss, right])
    assert sum(losses) == pytest.approx(loss)
    assert learner.levels.keys() == learner.curves.keys()


# ---- Inception ----------------------------------------------------------------------------------------------------


def test_inception_says_what_it_lacks(monkeypatch):
    imported = builtins.__import__

    def lacking(name, *others):
        if name.startswith("torch_fidelity"):
            raise ImportError(name)
        return imported(name, *others)

    monkeypatch.setattr(builtins, "__import__", lacking)
    with pytest.raises(UserError, match="needs torch-fidelity: pip install torch-fidelity"):
        Inception()


def test_inception_without_its_weights_says_where_to_put_them(monkeypatch, tmp_path):
    def refused(*_, **__):
        raise OSError("no network")

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", refused)
    with pytest.raises(UserError, match=r"could not be downloaded \(no network\): put https://github\.com/toshas"):
        inception.downloaded()


def test_images_for_inception_are_bytes_of_three_channels_and_not_too_large():
    black_and_white = torch.tensor([-1.0, 1.0]).view(2, 1, 1, 1)
    assert as_pixels(black_and_white).flatten().tolist() == [0] * 3 + [255] * 3
    assert as_pixels(torch.zeros(1, 3, 400, 500)).shape == (1, 3, 299, 299)
    with pytest.raises(UserError, match="have 2 channels"):
        as_pixels(torch.zeros(1, 2, 8, 8))
