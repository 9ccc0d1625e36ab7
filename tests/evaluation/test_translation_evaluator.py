"""What is compared with what when a translator is judged, and what the numbers are said to mean."""

import pytest
import torch
from helpers.tiny import Blobs
from torch import Tensor
from torch.utils.data import TensorDataset

from gan_lightning.data import ImageData
from gan_lightning.degradations import Given, Grey, Holes, Noise, Smaller
from gan_lightning.evaluation.baselines import as_they_are, baselines_for
from gan_lightning.evaluation.features import Extracted, Extractor
from gan_lightning.evaluation.metrics import Estimate, frechet
from gan_lightning.evaluation.translation_evaluator import TRUTH, TranslationEvaluator
from gan_lightning.evaluation.translation_results import TranslationReport

CPU = torch.device("cpu")


class Quarters(Extractor):
    """The means of the quarters of an image."""

    name, digest = "quarters", ""

    def extract(self, x: Tensor) -> Extracted:
        return Extracted(torch.nn.functional.adaptive_avg_pool2d(x[:, :1], 2).flatten(1), None)


def set_up(data: ImageData) -> ImageData:
    data.setup("fit")
    return data


def evaluator(degradation=None, data=None, samples=1000, extractor=None) -> TranslationEvaluator:
    options = "test", samples, extractor, CPU
    return TranslationEvaluator(set_up(data or Blobs()), degradation or Noise(0.0), *options)


def report(found) -> TranslationReport:
    return TranslationReport(found, ["model"], "input", {})


def test_what_gives_the_truth_has_the_best_scores_and_those_of_others_are_far():
    found = evaluator(extractor=Quarters()).evaluate({"model": lambda inputs: inputs, "input": lambda inputs: inputs})
    verdict, found = report(found).verdict, found["model"]
    assert (found.own["PSNR"] == 100).all()
    assert (found.own["features"] == 0).all()
    assert (found.other["PSNR"] < 20).all()
    assert found.other["features"].square().mean().item() == pytest.approx(1, abs=0.35), "two images are about 1 apart"
    assert "100 % (86.2 to 100) of its images are nearer to the true image" in verdict[0]


def test_the_other_truth_is_that_of_the_image_half_the_set_away():
    judge = evaluator(samples=6)
    block = judge.block(0)
    assert torch.equal(block.other, block.x.roll(3, 0))


def test_the_truth_of_others_differs_only_where_the_input_shows_nothing():
    block = evaluator(Holes()).block(20)
    known = (block.inputs[:, 1:] == 0).expand_as(block.x)
    assert torch.equal(block.x[known], block.other[known])
    assert not torch.equal(block.x[~known], block.other[~known])


def test_one_image_for_all_ignores_its_input_and_the_input_itself_copies_it():
    judge = evaluator(Noise(25.0))
    as_is = baselines_for(judge.degradation, judge.data, 1).makers["input"]
    same = judge.evaluate({"model": lambda inputs: torch.zeros_like(inputs), "input": as_is})
    assert any(line.startswith("model ignores its input: ") for line in report(same).verdict)
    assert not any("copies" in line for line in report(same).verdict)
    copied = judge.evaluate({"model": as_is, "input": as_is})
    assert report(copied).verdict[0].startswith("model copies its input: it differs from input by 0 grey levels")
    assert "model against input: PSNR (dB) +0.00 (+0.00 to +0.00)" in report(copied).verdict


def test_inputs_are_the_same_at_every_evaluation_and_no_global_number_is_drawn():
    stream = torch.get_rng_state()
    blocks = [evaluator(Noise()).block(20) for _ in range(2)]
    assert torch.equal(blocks[0].inputs, blocks[1].inputs)
    assert torch.equal(torch.get_rng_state(), stream)


def test_the_frechet_distance_is_from_other_real_images_and_that_of_the_truth_is_the_floor():
    judge = evaluator(extractor=Quarters())
    found = judge.evaluate({"model": lambda inputs: -inputs})
    seen = [torch.cat([judge.data.as_floats(part.images[torch.arange(24)][0])]) for part in (judge.half, judge.real)]
    half, truth = (Quarters().extract(x).features for x in seen)
    assert found[TRUTH].frechet == frechet(half, truth)
    assert found["model"].frechet == frechet(half, -truth)
    few = evaluator(extractor=Quarters(), samples=7)
    assert few.evaluate({})[TRUTH].frechet is None
    assert few.doubts()[0].startswith("too few images for this extractor: 7 is below 2 x 4 features")


def test_images_of_one_group_count_as_one():
    """Each value twice, in pairs, says as much as once: the error is that of two values, with Student's deviations."""
    values, alone = torch.tensor([1.0, 1.0, 3.0, 3.0]), torch.tensor([1.0, 3.0])
    pairs = Estimate.grouped(2.0, values, torch.tensor([7, 7, 5, 5]))
    assert pairs.error == pytest.approx(Estimate.mean(alone).error)
    assert pairs.high - 2 > 3 * pairs.error
    apart = Estimate.grouped(2.0, values, torch.arange(4))
    assert apart == pytest.approx(Estimate.mean(values))
    assert Estimate.grouped(2.0, values, torch.zeros(4)).error == torch.inf


def test_inputs_that_the_data_holds_are_translated_and_their_images_compared():
    class Negatives(Blobs):
        """Images with their negatives as inputs."""

        input_channels = 1

        def load(self) -> TensorDataset:
            pixels, labels = super().load().tensors
            return TensorDataset(torch.cat([pixels, 255 - pixels], 1), labels)

    judge = evaluator(Given(1), Negatives())
    assert judge.block(0).x.shape == (20, 1, 4, 4)
    assert (judge.evaluate({"model": lambda inputs: -inputs})["model"].own["PSNR"] == 100).all()


def test_of_enlarged_images_the_luminance_is_compared_without_a_border():
    x = torch.rand(1, 1, 8, 8)
    worse = x.clone()
    worse[:, :, :2] = 0
    judge = evaluator(Smaller(2), Even())
    assert judge.words == "PSNR and SSIM of the luminance (BT.601), without a border of 2 pixels"
    assert judge.compared(worse, x)["PSNR"].item() == 100
    assert as_they_are(judge.degradation) == "bicubic"


class Even(ImageData):
    """Images of one colour each, dark blue or bright blue."""

    def __init__(self) -> None:
        super().__init__((3, 8, 8), 8, 0, classes=0)

    def load(self) -> TensorDataset:
        pixels = torch.zeros(40, 3, 8, 8, dtype=torch.uint8)
        pixels[:, 2] = torch.arange(0, 200, 5)[:, None, None]
        return TensorDataset(pixels, torch.zeros(40, dtype=torch.int64))


def test_the_mean_colour_is_the_mean_of_what_is_above_the_grey():
    """A blue of b has a grey of .114 b. From -1 on: the mean blue is 97.5 / 127.5, so the grey .114 times that."""
    data = set_up(Even())
    made = baselines_for(Grey(), data, 3).makers["mean colour"](torch.zeros(1, 1, 2, 2))[0, :, 0, 0]
    blue = 97.5 / 127.5
    assert made.tolist() == pytest.approx([-0.114 * blue, -0.114 * blue, 0.886 * blue], abs=1e-5)
    scores = evaluator(Grey(), data).evaluate({"model": lambda inputs: inputs.expand(-1, 3, -1, -1)})
    assert (scores["model"].own["colourfulness"] == 0).all()
    assert (scores[TRUTH].own["colourfulness"][1:] > 0).any()


def test_biharmonic_inpainting_continues_a_slope():
    pytest.importorskip("skimage")
    ramp = torch.linspace(-0.8, 0.8, 12).expand(1, 1, 12, 12)
    missing = torch.zeros(1, 1, 12, 12)
    missing[:, :, 4:8, 4:8] = 1
    makers, said = baselines_for(Holes(), set_up(Blobs()), 1)
    made = makers["biharmonic"](torch.cat([ramp * (1 - missing), missing], 1))
    assert torch.allclose(made, ramp, atol=1e-4)
    assert not said


def test_the_table_has_a_row_for_each_and_markdown_says_what_a_score_does_not_see():
    found = evaluator(extractor=Quarters()).evaluate({"model": lambda inputs: inputs * 0.5, "input": lambda x: x})
    made = report(found)
    assert [row[0] for row in made.rows()] == ["", "model", "model, truth of another", "input", "the true images"]
    assert made.rows()[0][1:] == ["PSNR (dB)", "feature distance", "Fréchet distance"]
    assert "PSNR (dB): higher; it does not see sharpness" in made.markdown()
    words = made.words()
    assert words["scores"]["model"]["PSNR"]["value"] == pytest.approx(found["model"].own["PSNR"].mean().item())
    assert {*words["beside_others"]["model"]} == {"nearer", "PSNR", "features"}


def test_two_images_cannot_tell_whether_a_translator_uses_its_input():
    found = evaluator(samples=2).evaluate({"model": lambda inputs: inputs, "input": lambda inputs: inputs})
    (line,) = [line for line in report(found).verdict if "nearer to the true image" in line]
    assert line.startswith(
        "model has too few independent images to tell whether it uses its input: 100 % (34.2 to 100)"
    )
    found = evaluator(samples=2).evaluate({"model": lambda inputs: inputs * 0, "input": lambda inputs: inputs})
    assert not any("ignores its input" in line for line in report(found).verdict)


def test_true_images_have_no_row_without_scores_and_one_image_gives_no_interval():
    found = evaluator(samples=2).evaluate({"model": lambda inputs: inputs * 0.5, "input": lambda inputs: inputs})
    assert TRUTH not in [row[0] for row in report(found).rows()]
    found["model"].groups.zero_()
    assert report(found).difference("model", "input").endswith(" (no interval: all are of one image)")
