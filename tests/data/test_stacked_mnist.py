"""Stacked digits."""

import torch

from gan_lightning.data import MNIST, StackedMNIST


def test_each_channel_is_a_digit_and_the_label_names_all_three(mnist_root):
    data, digits = StackedMNIST(str(mnist_root), count=50), MNIST(str(mnist_root))
    data.prepare_data()
    data.setup("fit")
    pixels, labels = digits.load().tensors
    assert data.source is not None
    x, y = data.source[torch.arange(50)]
    assert (x.shape, x.dtype) == ((50, 3, 28, 28), torch.uint8)
    for image, label in zip(x, y, strict=True):
        found = [int(labels[(pixels[:, 0] == channel).all((1, 2))][0]) for channel in image]
        assert int(label) == 100 * found[0] + 10 * found[1] + found[2]


def test_the_images_depend_on_the_seed_alone_and_those_for_tests_are_others(mnist_root):
    first, again, other = (StackedMNIST(str(mnist_root), count=50, seed=seed) for seed in (1, 1, 2))
    images = [data.load()[torch.arange(50)][0] for data in (first, again, other)]
    assert torch.equal(images[0], images[1])
    assert not torch.equal(images[0], images[2])
    assert not torch.equal(images[0], first.load_test()[torch.arange(50)][0])
