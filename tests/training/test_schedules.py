"""Numbers that follow schedules: closed forms, every kind of number, the length of training, and what is refused."""

import csv
import math
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from helpers.processes import together
from helpers.tiny import Blobs, Ends, fit, half, same, tiny_gan, weights
from helpers.variants import tiny
from lightning.pytorch import Callback

from gan_lightning import GAN, VAE, FeatureLearner, cli
from gan_lightning.augmentation import ADA
from gan_lightning.callbacks import CollapseGuard, KeepCheckpoints
from gan_lightning.core.errors import UserError
from gan_lightning.objectives import NonSaturating
from gan_lightning.penalties import R1, LeCam, Penalty, PenaltyInput
from gan_lightning.training.optimization import Optimization
from gan_lightning.training.schedules import Cosine, Exponential, Linear, Power, Schedule

RATE_G, RATE_D = "generator_optimization.optimizer.lr", "discriminator_optimization.optimizer.lr"
BETA = "discriminator_optimization.optimizer.betas.1"


def adam(lr: float = 0.02, **options: Any) -> Optimization:
    return Optimization(partial(torch.optim.Adam, lr=lr, betas=(0.0, 0.9), **options))


class Watch(Callback):
    """What a function finds in the model whenever a player is about to step, by player."""

    def __init__(self, found: Any) -> None:
        self.found, self.seen = found, {"discriminator": [], "generator": []}

    def on_before_optimizer_step(self, trainer, pl_module: Any, optimizer) -> None:
        self.seen[pl_module.update.player].append(self.found(pl_module, optimizer.param_groups[0]))


def watched(found: Any, player: str = "generator", **options: Any) -> list[Any]:
    """What the function finds in each step of a player, in a training of five iterations unless told otherwise."""
    names = {*options} & {"max_steps", "max_epochs", "ckpt_path", "plugins", "callbacks"}
    trainer: dict[str, Any] = {"max_steps": 5} | {name: options.pop(name) for name in names}
    watch = Watch(found)
    trainer["callbacks"] = [watch, *trainer.get("callbacks", [])]
    fit(tiny_gan(**options), **trainer)
    return watch.seen[player]


def rate(model: Any, group: dict[str, Any]) -> float:
    return group["lr"]


def close(values: list[float]) -> Any:
    return pytest.approx(values, rel=1e-12, abs=1e-15)


# ---- closed forms ---------------------------------------------------------------------------------------------------

HALF_ROOT = 0.7071067811865476
VALUES: dict[type[Schedule], tuple[Schedule, float, list[float]]] = {
    Linear: (Linear(end=1.0), 5.0, [5.0, 4.0, 3.0, 2.0, 1.0]),
    Cosine: (Cosine(end=1.0), 5.0, [5.0, 3 + 2 * HALF_ROOT, 3.0, 3 - 2 * HALF_ROOT, 1.0]),
    Power: (Power(end=1.0, power=0.5), 5.0, [5.0, 1 + 2 * 3**0.5, 1 + 4 * HALF_ROOT, 3.0, 1.0]),
    Exponential: (Exponential(end=1.0), 16.0, [16.0, 8.0, 4.0, 2.0, 1.0]),
}
"""Of each schedule, its start and its values when none, a quarter, a half, three quarters and all of it is done."""


@pytest.mark.parametrize("cls", Schedule.__subclasses__())
def test_every_schedule_has_the_values_that_are_worked_out_by_hand(cls):
    assert cls in VALUES or not cls.__module__.startswith("gan_lightning"), f"{cls.__name__} has no row in VALUES"
    schedule, start, values = VALUES[cls]
    assert [schedule.value(start, quarter / 4) for quarter in range(5)] == close(values)


@pytest.mark.parametrize("cls", VALUES)
def test_a_schedule_may_rise_and_is_exact_at_both_ends(cls):
    schedule = cls(end=3.0)
    assert [schedule.value(0.75, 0.0), schedule.value(0.75, 1.0)] == [0.75, 3.0]
    assert 0.75 < schedule.value(0.75, 0.5) < 3


def test_iterations_images_or_the_training_are_its_length_and_after_it_nothing_changes():
    shares = {Cosine(iterations=4): 4, Cosine(images=24): 4, Cosine(): 8}
    for schedule, length in shares.items():
        seen = [schedule.done(t, images=6, length=8) for t in range(11)]
        assert seen == close([min(1.0, t / length) for t in range(11)])


# ---- what can follow one --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize(("limits", "length"), [({"max_steps": 5}, 5), ({"max_steps": -1, "max_epochs": 2}, 12)])
def test_learning_rates_are_those_of_the_schedule_from_the_first_step_on(limits, length, fused):
    """An epoch has six iterations."""
    schedules = {RATE_G: Power(power=0.7), RATE_D: Cosine(end=0.003)}
    players = {"generator_optimization": adam(0.02, fused=fused), "discriminator_optimization": adam(0.03, fused=fused)}
    shares = [t / length for t in range(length)]
    seen = watched(rate, schedules=schedules, **players, **limits)
    assert seen == close([0.02 * (1 - s) ** 0.7 for s in shares])
    seen = watched(rate, "discriminator", schedules=schedules, discriminator_steps=2, **players, **limits)
    assert seen == close([0.003 + 0.027 * (1 + math.cos(math.pi * s)) / 2 for s in shares for _ in range(2)])


def test_one_beta_follows_its_schedule_and_the_other_stays():
    seen = watched(
        lambda model, group: group["betas"],
        "discriminator",
        discriminator_optimization=adam(),
        schedules={BETA: Linear(end=0.99, iterations=3)},
    )
    assert [beta for beta, _ in seen] == [0.0] * 5
    assert [beta for _, beta in seen] == close([0.9, 0.93, 0.96, 0.99, 0.99])


def test_adam_steps_with_the_rate_and_the_beta_of_each_iteration():
    """Against a plain loop that is given the values: the weights are the same to the bit."""

    class Given(Callback):
        def on_before_optimizer_step(self, trainer, pl_module: Any, optimizer) -> None:
            if pl_module.update.player == "discriminator":
                share = trainer.global_step / 6
                optimizer.param_groups[0].update(lr=0.02 * (1 - share), betas=(0.0, 0.99 - 0.09 * (1 - share)))

    plain = tiny_gan(discriminator_optimization=adam(fused=True))
    fit(plain, callbacks=[Given()])
    follows = tiny_gan(
        discriminator_optimization=adam(fused=True), schedules={RATE_D: Linear(), BETA: Linear(end=0.99)}
    )
    fit(follows)
    close_to = {name: torch.allclose(w, weights(plain)[name], atol=1e-7) for name, w in weights(follows).items()}
    assert all(close_to.values()), close_to
    assert not same(weights(follows), weights(fitted(tiny_gan(discriminator_optimization=adam(fused=True)))))


def fitted(gan: GAN) -> GAN:
    fit(gan)
    return gan


class Constant(Penalty):
    """One, times its weight, so that what is added to D's loss is the weight."""

    def __init__(self, weight: float = 1.0, every: int = 1) -> None:
        super().__init__(weight, every)

    def forward(self, inputs: PenaltyInput) -> torch.Tensor:
        return self.weight * (inputs.real.sum() * 0 + 1)


@pytest.mark.parametrize(
    ("path", "every", "values"),
    [
        ("penalties.Constant_2.weight", 1, [8.0, 4.0, 2.0, 1.0, 0.5]),
        ("penalties.Constant_2.strength", 1, [8.0, 4.0, 2.0, 1.0, 0.5]),
        ("penalties.Constant_2.weight", 2, [None, 8.0, None, 2.0, None]),
    ],
)
def test_the_weight_and_the_strength_of_a_penalty_follow_a_schedule_times_every(path, every, values):
    """Named by its class, and by a number where there are several. 8 falls to 0.5, or 1 to 1/16, in four iterations."""
    end = 0.5 if path.endswith("weight") else 0.0625
    seen = watched(
        lambda model, group: {name: term.item() for name, term in model.update.terms.items()},
        "discriminator",
        penalties=[Constant(2.0), Constant(8.0, every)],
        schedules={path: Exponential(end=end, iterations=4)},
    )
    assert [terms["Constant"] for terms in seen] == [2.0] * 5
    assert [terms.get("Constant_2") for terms in seen] == [v and pytest.approx(v, rel=1e-6) for v in values]


def test_a_weight_that_is_chosen_by_the_package_is_scheduled_by_its_strength():
    seen = watched(
        lambda model, group: (model.penalties[0].weight, model.penalties[0].strength),
        penalties=[R1(None)],
        schedules={"penalties.R1.strength": Linear()},
    )
    assert [weight for weight, _ in seen] == [None] * 5
    assert [strength for _, strength in seen] == close([1.0, 0.8, 0.6, 0.4, 0.2])


def test_a_probability_that_is_kept_in_a_buffer_an_objective_and_a_moving_average_follow_schedules():
    def found(model: Any, group: dict[str, Any]) -> tuple[float, ...]:
        return model.augmentation.p.item(), model.objective.smoothing, model.penalties[0].decay

    seen = watched(
        found,
        augmentation=ADA(speed=0, p=0.1),
        objective=NonSaturating(smoothing=0.2),
        penalties=[LeCam(decay=0.5)],
        schedules={
            "augmentation.p": Linear(end=0.6),
            "objective.smoothing": Linear(),
            "penalties.LeCam.decay": Linear(end=0.9),
        },
    )
    assert [p for p, _, _ in seen] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5], rel=1e-6)
    assert [smoothing for _, smoothing, _ in seen] == close([0.2, 0.16, 0.12, 0.08, 0.04])
    assert [decay for _, _, decay in seen] == close([0.5, 0.58, 0.66, 0.74, 0.82])


@pytest.mark.parametrize(
    ("options", "decays"),
    [
        ({"average_decay": 0.0, "schedules": {"average_decay": Linear(end=0.1)}}, [0.0, 0.02, 0.04, 0.06, 0.08]),
        ({"average_half_life": 16.0}, [0.5**0.5] * 5),
        (
            {"average_half_life": 0.0, "schedules": {"average_half_life": Linear(end=40.0)}},
            [0.0, 0.5, 0.5**0.5, 0.5 ** (1 / 3), 0.5**0.25],
        ),
    ],
)
def test_the_average_forgets_as_its_decay_or_its_half_life_in_images_says(options, decays):
    """An iteration has 8 images. The decay is warmed up, (1 + t) / (10 + t) at most; the half-life is not."""

    class Averages(Callback):
        def __init__(self) -> None:
            self.seen, self.expected = [], []

        def on_train_batch_start(self, trainer, pl_module: Any, batch, batch_idx) -> None:
            self.before = first_weights(pl_module.average_generator).clone()

        def on_train_batch_end(self, trainer, pl_module: Any, outputs, batch, batch_idx) -> None:
            decay = decays[trainer.global_step - 1]
            now = decay * self.before + (1 - decay) * first_weights(pl_module.generator)
            assert torch.allclose(first_weights(pl_module.average_generator), now, rtol=0, atol=1e-12)
            assert pl_module.decay == pytest.approx(decay, rel=1e-12)
            self.seen.append(decay)

    averages = Averages()
    fit(tiny_gan(**options), max_steps=5, callbacks=[averages], precision="64-true")
    assert averages.seen == decays


def first_weights(module: torch.nn.Module) -> torch.Tensor:
    return next(module.parameters()).detach()


def test_other_kinds_of_model_follow_schedules_too():
    rates: dict[str, list[float]] = {}

    class Rates(Callback):
        def on_before_optimizer_step(self, trainer, pl_module: Any, optimizer) -> None:
            rates.setdefault(type(pl_module).__name__, []).append(optimizer.param_groups[0]["lr"])

    vae = tiny(VAE, beta=0.0, schedules={"beta": Linear(end=1.0), "autoencoder_optimization.optimizer.lr": Linear()})
    learner = tiny(FeatureLearner, schedules={"network_optimization.optimizer.lr": Linear(end=0.0005)})
    for model in (vae, learner):
        fit(model, max_steps=4, callbacks=[Rates()])
    assert vae.beta == 0.75
    assert rates["VAE"] == close([0.001, 0.00075, 0.0005, 0.00025])
    assert rates["FeatureLearner"] == close([0.001, 0.000875, 0.00075, 0.000625])


def test_a_model_that_is_trained_twice_begins_again_at_its_options():
    gan = tiny_gan(penalties=[R1(2.0)], schedules={"penalties.R1.weight": Linear()})
    for _ in range(2):
        fit(gan, max_steps=4)
        assert gan.penalties[0].weight == 0.5


def test_values_are_logged(tmp_path):
    options = {"data": "Digits", "trainer.max_steps": 4, "trainer.log_every_n_steps": 2, "model.generator.hidden": [8]}
    options |= {"trainer.default_root_dir": tmp_path, "model.schedules": f"{{{RATE_G}: Linear}}"}
    cli.main(["fit", *(f"--{key}={value}" for key, value in options.items())])
    with (tmp_path / "lightning_logs/version_0/metrics.csv").open() as file:
        values = [float(row[f"schedule/{RATE_G}"]) for row in csv.DictReader(file) if row[f"schedule/{RATE_G}"]]
    assert values == close([2e-4 * 0.75, 2e-4 * 0.25]), "those of iterations 2 and 4"


# ---- longer and shorter trainings, processes, scalers, roll-backs ---------------------------------------------------

WHOLE = {RATE_G: Power(power=0.7), RATE_D: Cosine(end=0.003)}


def scheduled(**options: Any) -> dict[str, Any]:
    return {"generator_optimization": adam(), "discriminator_optimization": adam(0.03), "schedules": WHOLE, **options}


@pytest.mark.parametrize(("before", "after"), [(3, 7), (6, 13), (8, 5)])
def test_a_training_that_is_made_longer_has_from_then_on_the_values_of_one_that_was_from_the_start(
    before, after, tmp_path
):
    """Also one that is made shorter before its end."""
    stop = min(before, after - 1, 4)
    ended = fit(tiny_gan(**scheduled()), callbacks=[Ends(stop)], max_steps=before)
    ended.save_checkpoint(tmp_path / "a.ckpt", weights_only=False)
    for player in ("generator", "discriminator"):
        rest = watched(rate, player, **scheduled(), max_steps=after, ckpt_path=tmp_path / "a.ckpt")
        assert rest == watched(rate, player, **scheduled(), max_steps=after)[stop:], "to the bit"


@pytest.mark.parametrize("after", [{}, {RATE_G: Linear(end=0.01)}, {"average_decay": Linear()}])
def test_a_schedule_that_is_changed_added_or_left_out_takes_effect_at_resume(after, tmp_path):
    fit(tiny_gan(**scheduled()), max_steps=3).save_checkpoint(tmp_path / "a.ckpt", weights_only=False)
    changed = scheduled(schedules=after)
    rest = watched(rate, **changed, max_steps=7, ckpt_path=tmp_path / "a.ckpt")
    assert rest == watched(rate, **changed, max_steps=7)[3:], "to the bit"


def test_a_schedule_with_a_length_of_its_own_keeps_it_in_a_longer_training(tmp_path):
    """40 images are five iterations of 8."""
    for length in ({"iterations": 5}, {"images": 40}):
        own = scheduled(schedules={RATE_G: Linear(**length)})
        fit(tiny_gan(**own), max_steps=3).save_checkpoint(tmp_path / "a.ckpt", weights_only=False)
        rest = watched(rate, **own, max_steps=7, ckpt_path=tmp_path / "a.ckpt")
        assert rest == close([0.02 * (1 - t / 5) for t in (3, 4)] + [0, 0])


def test_a_gradient_scaler_changes_no_value():
    assert watched(rate, **scheduled(), **half()) == watched(rate, **scheduled())


def of_two_processes(folder: Path) -> list[Any]:
    found, images = [], {RATE_G: Linear(images=80), "average_half_life": Linear(end=160.0)}

    class Values(Callback):
        def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
            found.append((trainer.optimizers[1].param_groups[0]["lr"], pl_module.decay))

    options = scheduled(schedules=images, average_half_life=0.0)
    fit(tiny_gan(**options), Blobs(batch_size=8), max_steps=5, callbacks=[Values()], devices=2, strategy="ddp")
    return found


def test_two_processes_count_the_images_of_both(tmp_path):
    """16 images an iteration: five are 80."""
    first, second = together(of_two_processes, tmp_path)
    assert first == second
    assert [lr for lr, _ in first] == close([0.02 * (1 - t / 5) for t in range(5)])
    assert [decay for _, decay in first] == close([0.0] + [0.5 ** (16 / (32 * t)) for t in range(1, 5)])


class Falls(CollapseGuard):
    """Finds every sample unhealthy in the third check, and healthy in the others."""

    def compared(self, model: Any) -> Any:
        found = super().compared(model)
        return found._replace(distinct=1.0 if self.at == 3 else found.real, distance=1.0 if self.at == 3 else 0.0)

    def look(self, trainer: Any, pl_module: Any) -> None:
        self.at = trainer.global_step
        super().look(trainer, pl_module)


def falling() -> Falls:
    return Falls(1, "roll_back", patience=1, warm_up=0, rate_factor=0.25)


def test_after_a_roll_back_rates_are_those_of_the_schedule_times_the_factor_and_a_resumed_training_is_the_same(
    tmp_path,
):
    plain = watched(rate, **scheduled(), max_steps=7)
    options: dict[str, Any] = {"max_steps": 7}
    seen = rolled(tmp_path / "whole", options)
    assert seen == close([value * (0.25 if t >= 3 else 1) for t, value in enumerate(plain)])
    for stop in (2, 3, 5):
        first = rolled(tmp_path / f"{stop}", options, Ends(stop))
        checkpoint = tmp_path / f"{stop}/checkpoints/last.ckpt"
        rest = rolled(tmp_path / f"{stop}-rest", options | {"ckpt_path": checkpoint})
        assert first + rest == seen
        whole, again = (
            torch.load(tmp_path / f"{name}/checkpoints/last.ckpt", weights_only=True)["state_dict"]
            for name in ("whole", f"{stop}-rest")
        )
        assert same(whole, again)


def rolled(folder: Path, options: dict[str, Any], *more: Callback) -> list[float]:
    """The rates of G in a training that goes back once."""
    watch = Watch(rate)
    callbacks = [watch, *more, falling(), KeepCheckpoints(0)]
    trainer = {"enable_checkpointing": True, "default_root_dir": folder}
    fit(tiny_gan(**scheduled()), Blobs(batch_size=64, images=320), callbacks=callbacks, **trainer, **options)
    return watch.seen["generator"]


# ---- what is refused ------------------------------------------------------------------------------------------------

ENDLESS: dict[str, Any] = {"max_steps": -1, "max_epochs": -1, "max_time": "00:00:01:00"}

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"generator_optimization.optimizer.rate": Linear()}, "names generator_optimization.optimizer.rate, but the model"),
    ({"generator_optimisation.optimizer.lr": Linear()}, f"did you mean {RATE_G}?"),
    ({"penalties.R2.weight": Linear()}, "did you mean penalties.R1.weight?"),
    ({"discriminator_steps": Linear()}, "names discriminator_steps, but the model has no such number"),
    ({"penalties.R1.every": Linear()}, "names penalties.R1.every, but the model has no such number"),
    ({"nothing": Linear()}, "there are average_decay, "),
    ({"average_half_life": Linear(end=9.0)}, "begins at the value of model.average_half_life, which is null: set it"),
    ({RATE_G: Linear(end=-1.0)}, f"schedules.{RATE_G} is refused: model.{RATE_G} is -1.0; it must be at least 0"),
    ({BETA: Linear(end=1.0)}, "model.discriminator_optimization.optimizer.betas is (0.5, 1.0); each must be"),
    ({"penalties.R1.weight": Linear(end=-2.0)}, "the weight of R1 is -2.0; it must be at least 0"),
    ({"penalties.R1.strength": Linear(end=-2.0)}, "strength is -2.0; it must be at least 0"),
    ({"average_decay": Linear(end=1.0)}, "model.average_decay is 1.0; it must be at least 0 and below 1"),
    ({"augmentation.p": Linear(end=1.5)}, "p of ADA is 1.5; it must be a probability"),
    ({"augmentation.p": Exponential(end=0.5)}, "Exponential cannot begin at 0: set it above 0, or choose Linear"),
]


@pytest.mark.parametrize(("schedules", "words"), REFUSED)
def test_what_cannot_follow_a_schedule_is_refused_in_one_line_that_names_it(schedules, words):
    with pytest.raises(UserError) as caught:
        fit(tiny_gan(penalties=[R1()], augmentation=ADA(speed=0), schedules=schedules))
    (line,) = str(caught.value).splitlines()
    assert line.startswith("model.schedules")
    assert words in line


def test_a_weight_that_is_null_has_no_start_but_a_strength():
    with pytest.raises(UserError, match=r"is null: set it, or give the schedule to penalties.R1.strength, a"):
        fit(tiny_gan(penalties=[R1(None)], schedules={"penalties.R1.weight": Linear()}))


def test_two_that_change_the_same_number_are_refused():
    decay = Optimization(scheduler=partial(torch.optim.lr_scheduler.ExponentialLR, gamma=0.9))
    with pytest.raises(UserError, match=f"model.schedules has {RATE_G}, but model.generator_optimization.scheduler"):
        fit(tiny_gan(generator_optimization=decay, schedules={RATE_G: Linear()}))
    fit(tiny_gan(generator_optimization=decay, schedules={RATE_D: Linear()}))
    with pytest.raises(UserError, match=r"schedules has augmentation.p, but ADA adapts it, too: set model.augm"):
        tiny_gan(augmentation=ADA(), schedules={"augmentation.p": Linear(end=0.5)})


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Cosine(iterations=0), "iterations of Cosine is 0; it must be at least 1"),
        (lambda: Linear(images=-3), "images of Linear is -3; it must be at least 1"),
        (lambda: Power(iterations=5, images=5), "Power has both iterations and images: leave one out"),
        (lambda: Power(power=0.0), "power of Power is 0.0; it must be above 0"),
        (lambda: Exponential(end=0.0), "end of Exponential is 0.0; it must be above 0"),
    ],
)
def test_a_schedule_without_a_sense_is_refused(make, words):
    with pytest.raises(UserError, match=words):
        make()


def test_a_training_without_a_planned_end_is_refused_where_something_follows_its_length():
    with pytest.raises(UserError) as caught:
        fit(tiny_gan(schedules={RATE_G: Linear()}), **ENDLESS)
    (line,) = str(caught.value).splitlines()
    assert line.startswith(f"model.schedules.{RATE_G}.iterations is null")
    assert line.endswith(f"set trainer.max_steps or trainer.max_epochs, or model.schedules.{RATE_G}.iterations")


@pytest.mark.parametrize("option", [f"--model.schedules.{RATE_G}=Cosine", "--model.schedules=Cosine"])
def test_the_command_shows_how_to_write_a_schedule_without_a_config(option, in_tmp_path: Path, capsys):
    with pytest.raises(SystemExit):
        cli.main(["fit", "--data", "Digits", option])
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert line.startswith("gan fit: model.schedules takes the path of each number and its schedule: --model.schedules")


@pytest.mark.parametrize(
    ("schedules", "words"),
    [
        ({RATE_G: "Cosin"}, "Cosine"),
        ({RATE_G: {"class_path": "Cosine", "init_args": {"ending": 1}}}, "ending"),
        ({"penalties.R1.weight": "Cosine"}, "model.schedules names penalties.R1.weight"),
        ("Cosine", "model.schedules"),
    ],
)
def test_the_command_refuses_mistakes_in_one_line(schedules, words, in_tmp_path: Path, capsys):
    Path("a.yaml").write_text(yaml.safe_dump({"model": {"schedules": schedules}}))
    with pytest.raises(SystemExit) as caught:
        cli.main(["fit", "--data", "Digits", "--config", "a.yaml", "--trainer.max_steps", "2"])
    assert caught.value.code == 2
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert line.startswith("gan fit: ")
    assert words in line
    assert "Traceback" not in line
