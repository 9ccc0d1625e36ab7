"""Judgements: what is compared with what, what is found, and that judging changes nothing."""

import csv
import json
import math
import re
import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.processes import together
from helpers.tiny import SHAPE, Blobs, fit, same, tiny_gan, weights
from PIL import Image
from torch import Tensor
from torch.utils.data import TensorDataset

from gan_lightning import GAN, FeatureLearner, cli
from gan_lightning.callbacks import Cost, Judgement, KeepCheckpoints
from gan_lightning.core.errors import UserError
from gan_lightning.data import ImageData, Ring
from gan_lightning.evaluation import METRICS, Evaluator, ReferenceImages, Report
from gan_lightning.evaluation.comparison import comparison
from gan_lightning.evaluation.features import Extracted, Extractor
from gan_lightning.evaluation.reference import shuffled
from gan_lightning.evaluation.report import Result
from gan_lightning.networks import FeatureNetwork, MLPDiscriminator, MLPGenerator
from gan_lightning.networks.feature_files import write_features
from gan_lightning.runs.metrics_csv import MetricsTable
from gan_lightning.training.optimization import Optimization


class Pixels(Extractor):
    """Images are their own features."""

    name, digest = "pixels", "0123456789ab"

    def extract(self, x: Tensor) -> Extracted:
        return Extracted(x.flatten(1).float().cpu(), None)


class WithTests(Blobs):
    """200 images to train on, and 60 for tests, all different."""

    def __init__(self, held_out: float = 0.0, tests: int = 60) -> None:
        super().__init__(images=200)
        self.held_out, self.tests = held_out, tests

    def load_test(self) -> TensorDataset | None:
        pixels = torch.randint(256, (self.tests, *SHAPE), generator=torch.Generator().manual_seed(2)).byte()
        return TensorDataset(pixels, torch.arange(self.tests)) if self.tests else None


def ready(data: ImageData) -> ImageData:
    data.prepare_data()
    data.setup("fit")
    return data


def judged(data: ImageData, samples: Tensor, **options) -> Report:
    """A judgement of these images, as if a model had made them."""

    class Theirs:
        classes, device = 0, torch.device("cpu")

        def sample(self, seeds, labels=None) -> Tensor:
            return samples[list(seeds)]

    return Evaluator(ready(data), Pixels(), samples=len(samples), **options).evaluate(Theirs())


def pixels(dataset) -> Tensor:
    return dataset[torch.arange(len(dataset))][0].float() / 127.5 - 1


# ---- what is compared with what -----------------------------------------------------------------------------------


@pytest.mark.parametrize("split", ["validation", "test"])
@pytest.mark.parametrize("data", [WithTests(), WithTests(held_out=0.3), WithTests(tests=0), WithTests(0.3, 0)])
def test_reference_and_floor_have_no_image_in_common_and_tests_are_left_for_tests(data, split):
    real = ReferenceImages(ready(data), Pixels(), split, most=50)
    ours, others, training = (
        {tuple(f) for f in s.features.tolist()} for s in (real.seen_reference, real.seen_other, real.seen_training)
    )
    assert not ours & others
    assert (not ours & training) == real.reference.fresh
    assert (not others & training) == real.other.fresh
    assert real.reference.fresh == bool(data.held_out or (data.tests and split == "test"))
    assert ("test images" in real.reference.words) == (split == "test" and data.tests > 0)
    halves = data.held_out and not data.tests
    assert len(ours) + len(others) == (len(data.left_out) if halves else 100)  # type: ignore[arg-type]


def test_held_out_images_are_always_the_same_and_are_not_trained_on():
    first, again = ready(WithTests(held_out=0.25)), ready(WithTests(held_out=0.25))
    again.seed = 7
    assert first.left_out is not None
    assert torch.equal(pixels(first.left_out), pixels(again.left_out))
    train, held = ({tuple(p.flatten().tolist()) for p in pixels(d)} for d in (first.source, first.left_out))
    assert (len(train) + len(held), train & held) == (200, set())


@pytest.mark.parametrize(("share", "known"), [(0.0, True), (0.1, True), (0.4, False), (0.6, False)])
def test_an_extractor_that_was_trained_on_the_images_it_judges_is_said_to_be_doubtful(share, known):
    """It was not if it held out at least as many: whether an image is held out depends on the image alone."""
    data, eyes = ready(WithTests(0.4, 0)), Pixels()
    origin = data.origin(share)
    assert origin is not None
    eyes.about = {"trained_on": origin.words(), "held_out": share}
    said = "; ".join(Evaluator(data, eyes, samples=20).doubts)
    assert ("the feature extractor was trained on" in said) == known
    eyes.about = {"trained_on": origin.words() | {"digest": "of other images"}, "held_out": share}
    assert "was trained on" not in "; ".join(Evaluator(data, eyes, samples=20).doubts)


def test_the_floor_is_the_mean_score_of_real_images_over_several_divisions_of_them():
    data = WithTests(held_out=0.5)
    report = judged(data, torch.rand(60, *SHAPE, generator=torch.Generator().manual_seed(5)) * 2 - 1)
    for result in report.results:
        if result.key not in ("authenticity", "copies", "copying"):
            assert result.floor_interval is not None
            low, high = result.floor_interval
            assert result.floor is not None
            assert low <= result.floor <= high
            assert result.floor_error > 0
    known = {result.key: result for result in report.results}
    assert known["coverage"].floor == pytest.approx(expected_coverage(60, 60), abs=0.1)
    assert known["kernel"].floor is not None
    assert abs(known["kernel"].floor) < 3 * known["kernel"].floor_error + 1e-3


class Repeated(ImageData):
    """61 images, of which some are copies or mirror images of the first."""

    def __init__(self, copies: int) -> None:
        super().__init__(SHAPE)
        self.copies = copies

    def load(self) -> TensorDataset:
        pixels = torch.randint(256, (61, *SHAPE), generator=torch.Generator().manual_seed(4)).byte()
        pixels[1 : self.copies + 1] = pixels[0]
        pixels[self.copies : self.copies + 1] = pixels[:1].flip(3)
        return TensorDataset(pixels, torch.zeros(61).long())


@pytest.mark.parametrize("copies", [0, 5, 20])
def test_real_images_are_halved_in_the_middle_with_all_copies_on_one_side_and_copies_are_said(copies):
    real = ReferenceImages(ready(Repeated(copies)), Pixels())
    sides = [part.identities for part in (real.reference, real.other)]
    assert not {*sides[0].tolist()} & {*sides[1].tolist()}
    assert abs(len(sides[0]) - len(sides[1])) <= max(1, copies + 1)
    assert sum(map(len, sides)) == 61
    said = [line for line in real.flaws() if "copies or mirror images" in line]
    assert [re.match(rf"{copies} of the \d+ training images of Repeated", line) is not None for line in said] == (
        [True] if copies else []
    )
    assert real.flaws()[-1].startswith("few real images ("), "fewer than a hundred"


def test_copies_follow_each_other_in_a_random_order_and_nothing_else_changes():
    identities = torch.tensor([5, 1, 7, 1, 9, 1, 3])
    order = shuffled(identities, torch.Generator().manual_seed(0))
    assert sorted(order.tolist()) == [*range(7)]
    places = (identities[order] == 1).nonzero().flatten().tolist()
    assert places == [*range(places[0], places[0] + 3)]
    different = torch.arange(50)
    assert torch.equal(
        shuffled(different, torch.Generator().manual_seed(3)),
        torch.randperm(50, generator=torch.Generator().manual_seed(3)),
    )


def test_the_floor_of_copies_is_what_the_verdict_expects():
    report = judged(WithTests(), pixels(ready(WithTests()).load_test()).flip(2))
    (floor,) = [result.floor for result in report.results if result.key == "copies"]
    assert floor == pytest.approx(1 / 61)
    assert f"{60 / 61:.1f} are expected of real images" in "; ".join(report.verdict)


def expected_coverage(real: int, made: int, k: int = 5) -> float:
    """The coverage of samples with the distribution of the real images; see `density_coverage`."""
    return 1 - math.prod((real - i) / (real + made - i) for i in range(1, k + 1))


def test_copies_and_collapse_are_found_by_the_measures_that_see_them():
    data = ready(WithTests())
    copies = judged(WithTests(), pixels(data.source)[:60])
    assert copies.value("authenticity") == 0
    assert copies.value("copies") == 1
    assert copies.value("copying") < -5
    one = judged(WithTests(), pixels(data.load_test())[:1].repeat(60, 1, 1, 1))
    assert one.value("precision") == 1
    assert one.value("recall") < 0.1
    assert one.value("coverage") < 0.3


def test_mirrored_and_shifted_copies_are_found_and_said():
    class Large(ImageData):
        def __init__(self) -> None:
            super().__init__((1, 12, 12), held_out=0.4)

        def load(self) -> TensorDataset:
            generator = torch.Generator().manual_seed(3)
            return TensorDataset(
                torch.randint(256, (500, 1, 12, 12), generator=generator).byte(), torch.zeros(500).long()
            )

    class Made:
        classes, device = 0, torch.device("cpu")

        def __init__(self, images: Tensor) -> None:
            self.images = images

        def sample(self, seeds, labels=None) -> Tensor:
            return self.images[list(seeds)]

    data = ready(Large())
    training, others = pixels(data.source)[:20], torch.rand(60, 1, 12, 12, generator=torch.Generator().manual_seed(4))
    copies = Made(torch.cat([training.flip(3)[:10], training[10:20].roll(1, 2), others * 2 - 1]))
    said = "; ".join(Evaluator(data, Pixels(), samples=80).evaluate(copies).verdict)
    found = re.search(r"mirrored or shifted by up to 2 pixels, (\d+) of 80 samples are copies", said)
    assert found is not None
    assert 20 <= int(found[1]) <= 25
    honest = "; ".join(Evaluator(data, Pixels(), samples=60).evaluate(Made(others * 2 - 1)).verdict)
    assert "mirrored" not in honest


def test_modes_are_counted_for_mixtures():
    data = ready(Ring(count=500))
    report = Evaluator(data, Pixels(), samples=200).evaluate(tiny_gan_of_points())
    assert report.value("modes") <= 8
    assert {"high_quality", "mode_divergence", "frechet", "coverage"} <= {r.key for r in report.results}
    floor = next(r.floor for r in report.results if r.key == "modes")
    assert floor == 8


def tiny_gan_of_points():
    torch.manual_seed(0)
    return GAN(MLPGenerator((2, 1, 1), latent_dim=2, hidden=[8]), MLPDiscriminator((2, 1, 1), hidden=[8]))


def test_too_few_images_or_samples_are_refused():
    with pytest.raises(UserError, match="there are 4 training images of Blobs to compare with; at least 20 are needed"):
        ReferenceImages(ready(Blobs(images=8)), Pixels())
    with pytest.raises(UserError, match=r"judge\.samples is 3; it must be at least 20"):
        Evaluator(ready(WithTests()), Pixels(), samples=3)


# ---- during training ----------------------------------------------------------------------------------------------


@pytest.fixture
def features(tmp_path) -> str:
    torch.manual_seed(5)
    write_features(FeatureNetwork(SHAPE, 3, features=4, width=4), tmp_path / "f.safetensors", {"name": "mine"})
    return str(tmp_path / "f.safetensors")


def test_judging_during_training_changes_no_weight(features):
    plain, watched = tiny_gan(), tiny_gan()
    fit(plain)
    fit(watched, callbacks=[Cost(), Judgement(2, samples=40, extractor=features)])
    assert same(weights(plain), weights(watched))


def scores(features: str, folder: str, processes: int) -> list[dict[str, str]]:
    several = {"devices": 2, "strategy": "ddp"} if processes > 1 else {}
    judgement = Judgement(3, samples=700, extractor=features)
    still = partial(torch.optim.SGD, lr=0.0)  # so that one and two processes have the same weights
    torch.manual_seed(0)
    generator = MLPGenerator(SHAPE, latent_dim=3, hidden=[8], batch_norm=False)
    gan = tiny_gan(
        generator=generator, generator_optimization=Optimization(still), discriminator_optimization=Optimization(still)
    )
    fit(gan, WithTests(), callbacks=[Cost(), judgement], logger=MetricsTable(folder), max_steps=3, **several)
    with open(Path(folder) / "metrics.csv") as file:
        return list(csv.DictReader(file))


def test_one_and_two_processes_find_the_same_score(features, tmp_path):
    ones = scores(features, str(tmp_path / "one"), 1)
    together(scores, features, str(tmp_path / "two"), 2)
    with open(tmp_path / "two" / "metrics.csv") as file:
        twos = list(csv.DictReader(file))
    keys = [key for key in ones[-1] if key.startswith("judge/")]
    assert len(keys) >= 8
    assert [ones[-1][key] for key in keys] == [twos[-1][key] for key in keys]


def test_the_samples_are_those_of_consecutive_seeds():
    """More of them than are looked at at a time."""
    data, gan = ready(WithTests()), tiny_gan()
    judge = Evaluator(data, Pixels(), samples=700, first_seed=5)
    expected = gan.sample(range(5, 705)).flatten(1)
    assert torch.allclose(judge.seen_samples(gan).features, expected, atol=1e-6)


def test_what_happens_in_a_pause_costs_nothing(monkeypatch):
    now = iter(range(100))
    monkeypatch.setattr("time.process_time", lambda: float(next(now)))  # a second passes at each look
    cost = Cost()
    cost.cpu_mark = 0.0
    cost.count()  # at 0
    with cost.paused():  # counted up to 1
        for _ in range(50):
            next(now)
    assert cost.cpu == 1
    cost.count()  # one second after the pause
    assert cost.cpu == 2


def test_costs_stand_beside_the_score_in_one_row(features, tmp_path):
    fit(tiny_gan(), callbacks=[Cost(), Judgement(4, samples=40, extractor=features)], logger=MetricsTable(tmp_path))
    with open(tmp_path / "metrics.csv") as file:
        rows = {int(row["step"]): row for row in csv.DictReader(file)}
    assert [*rows] == [2, 4, 6]
    assert rows[4]["images"] == "32"
    assert float(rows[4]["cpu_seconds"]) > 0
    assert float(rows[4]["peak_memory_mib"]) > 1
    assert rows[4]["judge/frechet"]
    assert rows[4]["loss/generator"]
    assert not rows[2]["judge/frechet"]


def test_the_best_checkpoint_is_that_of_the_best_score(features, tmp_path):
    judgement = Judgement(1, samples=40, extractor=features)
    keep = KeepCheckpoints(every_n_steps=0, monitor="judge/frechet")
    where = {"default_root_dir": tmp_path, "enable_checkpointing": True}
    fit(tiny_gan(), callbacks=[judgement, keep], logger=MetricsTable(tmp_path), **where)
    with open(tmp_path / "metrics.csv") as file:
        found = {int(row["step"]): float(row["judge/frechet"]) for row in csv.DictReader(file)}
    best = torch.load(keep.best, weights_only=True)["global_step"]
    assert len(found) == 6
    assert found[best] == min(found.values())


@pytest.mark.parametrize(("monitor", "sign"), [("judge/coverage", -1), ("judge/frechet", 1), ("loss/generator", 1)])
def test_the_measure_says_which_way_is_better(monitor, sign):
    assert KeepCheckpoints(monitor=monitor).sign == sign
    assert KeepCheckpoints(monitor=monitor, mode="max").sign == -1


@pytest.mark.parametrize(
    ("monitor", "every", "message"),
    [
        ("judge/frechet", 0, "training does not evaluate samples"),
        ("judge/frechet", 2000, "training ends after . iterations: evaluate more often"),
        ("judge/authenticity", 2, "only gan test and gan validate measure it"),
        ("judge/fid", 2, "it must be one of judge/frechet, "),
    ],
)
def test_a_monitor_that_never_comes_is_refused_before_training(monitor, every, message, features, tmp_path):
    judgement = Judgement(every, samples=40, extractor=features)
    where = {"default_root_dir": tmp_path, "enable_checkpointing": True}
    with pytest.raises(UserError, match=message):
        fit(tiny_gan(), callbacks=[judgement, KeepCheckpoints(monitor=monitor)], **where)


def test_a_judgement_that_such_data_does_not_have_is_no_monitor(features, tmp_path):
    judgement, keep = Judgement(1, samples=40, extractor=features), KeepCheckpoints(monitor="judge/modes")
    with pytest.raises(UserError, match=r"judge/modes, which is not logged; there are .*judge/frechet"):
        fit(tiny_gan(), callbacks=[judgement, keep], default_root_dir=tmp_path, enable_checkpointing=True, max_steps=3)


def test_what_makes_no_samples_cannot_be_judged(features):
    learner = FeatureLearner(FeatureNetwork(SHAPE, classes=48))
    with pytest.raises(UserError, match=r"a FeatureLearner makes no samples .* set judge\.every_n_steps to 0"):
        fit(learner, callbacks=[Judgement(1, samples=40, extractor=features)])


def test_what_a_run_cost_goes_on_counting_after_a_stop(tmp_path):
    fit(tiny_gan(), callbacks=[cost := Cost()], max_steps=3).save_checkpoint(tmp_path / "a.ckpt", weights_only=False)
    before = cost.cpu
    fit(tiny_gan(), callbacks=[again := Cost()], max_steps=5, ckpt_path=tmp_path / "a.ckpt")
    assert again.images == 40
    again.count()
    assert again.cpu > before > 0


# ---- reports ------------------------------------------------------------------------------------------------------


def test_a_report_says_what_its_numbers_depend_on(tmp_path):
    results = [Result("frechet", 12.345, 0.5, 1.2), Result("classes", 10, 0.0, None)]
    report = Report(
        500,
        7,
        "the averaged generator",
        "400 test images",
        "300 others",
        "eyes",
        "abc",
        results,
        about={"iteration": 1200},
    )
    for text in (report.text(), report.markdown()):
        for word in (
            "500 from the averaged",
            "numbers 7 to 506",
            "400 test images",
            "300 others",
            "eyes (abc)",
            "1,200",
        ):
            assert word in text
        assert "11.37 to 13.32" in text
    report.write(tmp_path)
    words = json.loads((tmp_path / "report.json").read_text())
    assert words["results"]["frechet"] == {
        "value": 12.345,
        "error": 0.5,
        "low": pytest.approx(11.365, abs=1e-3),
        "high": pytest.approx(13.325, abs=1e-3),
        "floor": 1.2,
    }
    assert (words["samples"], words["first_seed"], words["digest"]) == (500, 7, "abc")
    assert "does not see" in (tmp_path / "report.md").read_text()


def test_an_interval_holds_only_what_can_be_and_small_numbers_keep_two_digits():
    assert Result("coverage", 0.99, 0.01, None).interval[1] == 1
    assert Result("copies", 0.001, 0.001, None).interval[0] == 0
    assert Result("kernel", 0.0, 0.01, None).interval[0] < 0, "it is unbiased"
    shown = [METRICS["frechet"].shown(value) for value in (1234.567, 0.0, 0.000123)]
    assert shown == ["1,234.57", "0.00", "0.00012"]
    assert METRICS["classes"].shown(0.0) == "0"


def test_every_measure_has_a_name_and_something_that_it_does_not_see():
    assert len({measure.name for measure in METRICS.values()}) == len(METRICS)
    assert all(measure.blind for measure in METRICS.values())


# ---- the commands -------------------------------------------------------------------------------------------------

SMALL = ["--data", "Digits", "--trainer.max_steps", "4", "--trainer.log_every_n_steps", "2", "--grid.rows", "1"]
TINY = ["--model.generator.hidden", "[8]", "--model.discriminator.hidden", "[8]"]


@pytest.fixture
def run(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    cli.main(["fit", *SMALL, *TINY, "--judge.every_n_steps", "2", "--judge.samples", "50"])
    return tmp_path / "lightning_logs" / "version_0"


def test_several_checkpoints_are_compared_in_one_table_with_intervals_of_the_differences(run, capsys):
    cli.main(["fit", *SMALL, *TINY, "--seed", "1"])
    capsys.readouterr()
    first, second = (str(run.with_name(f"version_{i}")) for i in range(2))
    cli.main(["test", first, second, "--judge.samples", "130"])
    text = capsys.readouterr().out
    table = text[text.rindex("measure ") :]
    assert "version_0/last" in table
    assert "version_1/last - version_0/last" in table
    (row,) = [line for line in table.splitlines() if line.startswith("coverage")]
    a, b, difference = (float(word) for word in row.split()[1:4])
    assert difference == pytest.approx(b - a, abs=0.0011)
    reports = [json.loads((Path(folder) / "test-last" / "report.json").read_text()) for folder in (first, second)]
    assert [report["results"]["coverage"]["value"] for report in reports] == pytest.approx([a, b], abs=0.0006)
    assert ("* the interval of the difference does not hold 0" in table) == ("*" in table[: table.rindex("\n")])
    with pytest.raises(SystemExit):
        cli.main(["test", first, first])
    assert "twice: give different checkpoints, to compare them" in capsys.readouterr().err


def test_a_copy_of_a_checkpoint_is_not_compared_with_it(run, capsys):
    copy = shutil.copy(run / "checkpoints" / "last.ckpt", "other.ckpt")
    with pytest.raises(SystemExit):
        cli.main(["test", "last", copy])
    assert "last.ckpt and other.ckpt hold the same model: give different ones" in capsys.readouterr().err


def test_runs_that_held_out_different_shares_are_compared_by_what_both_held_out(run, capsys):
    for seed, share in enumerate(("0.3", "0.5")):
        cli.main(["fit", *SMALL, *TINY, "--seed", str(seed), "--data.held_out", share])
    capsys.readouterr()
    second, third = (str(run.with_name(f"version_{i}")) for i in (1, 2))
    with pytest.raises(SystemExit):
        cli.main(["test", third, second])
    message = capsys.readouterr().err.strip().splitlines()[-1]
    path = "lightning_logs/version_1/checkpoints/last.ckpt"
    assert f"data.held_out is 0.5, but {path[:20]}" in message.replace(str(run.parent.parent) + "/", "")
    assert message.endswith("give --data.held_out 0.3")
    cli.main(["test", third, second, "--data.held_out", "0.3", "--judge.samples", "130"])
    printed = capsys.readouterr()
    assert re.search(
        r"trained on: \d+ images \(\w+\); \d+ of the [\d,]+ training images of the data now were held out", printed.out
    )
    assert "version_1/last: comparing 130 samples with" in printed.err
    assert "version_2/last: comparing 130 samples with" in printed.err


def test_a_difference_is_marked_and_explained_only_where_there_is_one():
    def report(value: float) -> Report:
        return Report(99, 0, "", "", "", "", "", [Result("coverage", value, 0.01, 0.9)])

    assert "*" not in comparison(["a", "b"], [report(0.5), report(0.51)])
    assert comparison(["a", "b"], [report(0.5), report(0.6)]).count("*") == 2


def test_without_a_score_of_real_images_what_is_like_them_is_not_known():
    report = Report(99, 0, "", "", "", "", "", [Result("authenticity", 0.5, 0.01, None)])
    assert "like real (which is not known here)" in report.text()


@pytest.mark.parametrize("command", ["validate", "test"])
def test_a_checkpoint_is_judged_without_another_word(command, run, capsys):
    capsys.readouterr()
    cli.main([command, "--ckpt_path", "last", "--judge.samples", "130"])
    text = capsys.readouterr().out
    assert "Fréchet distance" in text
    assert "compared with: 130 of " in text
    assert "cpu seconds: " in text
    folder = Path("lightning_logs/version_0") / f"{command}-last"
    files = {"report.json", "report.md", "neighbours.png", "ranked.png", "samples.csv"}
    assert {p.name for p in folder.iterdir()} == files
    rows = list(csv.DictReader((folder / "samples.csv").read_text(encoding="utf-8").splitlines()))
    assert [row["sample"] for row in rows] == [str(i) for i in range(130)]
    assert all(float(row["realism"]) >= 0 and float(row["ratio"]) >= 0 for row in rows)
    words = json.loads((folder / "report.json").read_text())
    assert words["about"]["iteration"] == 4
    assert words["about"]["images_seen"] == 512
    assert "data.held_out" in words["about"]["copies"], "why nothing is said of copies"
    assert words["results"]["frechet"]["value"] > words["results"]["frechet"]["floor"]


def test_a_folder_of_runs_means_its_newest_and_is_judged_by_the_same_extractor(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    grey = ["--data", "ImageFolder", "--data.root", "pictures", "--data.image_size", "28", "--data.channels", "1"]
    Path("pictures").mkdir()
    for i in range(60):
        Image.fromarray(np.full((28, 28), 4 * i, dtype=np.uint8)).save(f"pictures/{i}.png")
    short = ["--data.batch_size", "8", "--trainer.max_steps", "2", "--trainer.default_root_dir", "runs"]
    cli.main(["fit", *grey, *TINY, *short, "--judge.extractor", "MNIST"])
    cli.main(["fit", *grey, *TINY, *short, "--judge.extractor", "MNIST", "--data.held_out", "0.3"])
    assert "data.held_out 0.3 leaves 8 images of ImageFolder to compare" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        cli.main(["test", "--ckpt_path", "runs"])
    assert "held-out images of ImageFolder to compare with; at least 20 are needed" in capsys.readouterr().err, (
        "the newest of them"
    )
    cli.main(["test", "--ckpt_path", "runs/lightning_logs/version_0"])
    assert "feature extractor: features of MNIST" in capsys.readouterr().out


def test_the_images_to_judge_by_can_be_others(run, capsys):
    Path("pictures").mkdir()
    for i in range(60):
        Image.fromarray(np.full((28, 28), 4 * i, dtype=np.uint8)).save(f"pictures/{i}.png")
    others = ["--data", "ImageFolder", "--data.root", "pictures", "--data.image_size", "28", "--data.channels", "1"]
    cli.main(["test", "--ckpt_path", "last", "--judge.extractor", "MNIST", "--judge.samples", "30", *others])
    assert "training images of ImageFolder" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--data", "CIFAR10"], "makes images of (1, 28, 28), and data has (3, 32, 32)"),
        (["--judge.extractor", "nowhere"], "there is no file nowhere"),
        (["--device", "gpu9"], "device is gpu9, which is not there"),
        (["--judge.samples", "5"], "judge.samples is 5; it must be at least 20"),
        (["--ckpt_path", "none.ckpt"], "there is no checkpoint none.ckpt"),
        (
            ["--data.held_out", "0.5"],
            "data.held_out is 0.5, but lightning_logs/version_0/checkpoints/last.ckpt was trained with 0",
        ),
        (["--judge.folder", "lightning_logs/version_0/config.yaml"], "cannot hold a report: it is a file"),
    ],
)
def test_a_mistake_ends_in_one_line(words, message, run, capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(["test", "--ckpt_path", "last", *words])
    assert caught.value.code == 2
    assert message in capsys.readouterr().err.strip().splitlines()[-1]


def test_a_checkpoint_of_a_feature_network_makes_no_samples(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    network = ["--model.network.classes", "10", "--model.network.width", "4", "--data.held_out", "0.2"]
    cli.main(["fit", "--kind", "FeatureLearner", "--data", "Digits", "--trainer.max_steps", "2", *network])
    text = capsys.readouterr().out
    assert "held-out images are classified correctly" in text
    assert Path("lightning_logs/version_0/features.safetensors").is_file()
    for command in ("predict", "test"):
        with pytest.raises(SystemExit):
            cli.main([command, "--ckpt_path", "last"])
        assert "holds a FeatureLearner, which makes no samples" in capsys.readouterr().err


# ---- images that are there ------------------------------------------------------------------------------------------


def test_a_folder_of_samples_is_judged_as_the_checkpoint_that_made_them(run, capsys):
    cli.main(["test", "--ckpt_path", "last", "--judge.samples", "60"])
    cli.main(["predict", "--ckpt_path", "last", "--samples.count", "60", "--samples.npz", "true"])
    for images in ("samples", "samples/samples.npz"):
        cli.main(["test", "--images", images, "--data", "Digits", "--judge.samples", "60"])
    assert "samples: 60 from samples/samples.npz" in capsys.readouterr().out
    reports = [Path("lightning_logs/version_0/test-last"), Path("test-samples")]
    made, given = (json.loads((folder / "report.json").read_text())["results"] for folder in reports)
    for key, result in made.items():  # given images are rounded to 256 greys
        assert given[key]["value"] == pytest.approx(result["value"], rel=0.01, abs=0.01), key


def test_there_are_no_more_samples_than_given_images(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    np.save("some.npy", np.random.default_rng(0).integers(256, size=(40, 28, 28, 1), dtype=np.uint8))
    cli.main(["test", "--images", "some.npy", "--data", "Digits"])
    assert "samples: 40 from some.npy" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "ckpt_path must be given"),
        (["--images", "no", "--data", "Digits"], "images is no, which is not there"),
        (["--images", "some.npy"], "give them with --data, such as --data MNIST"),
        (["--images", "some.npy", "--data", "Ring"], "images cannot be compared with the points of Ring"),
        (["--images", "some.npy", "--data", "Digits", "--judge.samples", "50"], "holds 30 images: lower judge.samples"),
        (["--images", "some.npy", "--ckpt_path", "last.ckpt"], "there is no checkpoint last.ckpt"),
        (["--images", "large.npy", "--data", "Digits"], "it must be uint8 (N, 28, 28, 1)"),
        (["--images", "text.npy", "--data", "Digits"], "text.npy holds no array of images"),
        (["--images", "pictures", "--data", "Digits"], "a.png is 30x28, but the real images are 28x28"),
        (["--images", "empty", "--data", "Digits"], "no image found in empty or below it"),
    ],
)
def test_images_that_cannot_be_judged_are_refused_in_one_line(words, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    np.save("some.npy", np.zeros((30, 28, 28, 1), dtype=np.uint8))
    np.save("large.npy", np.zeros((30, 32, 32, 1), dtype=np.uint8))
    Path("text.npy").write_text("no array")
    Path("pictures").mkdir()
    Path("empty").mkdir()
    Image.new("L", (30, 28)).save("pictures/a.png")
    with pytest.raises(SystemExit) as caught:
        cli.main(["test", *words])
    assert caught.value.code == 2
    assert message in capsys.readouterr().err.strip().splitlines()[-1]
