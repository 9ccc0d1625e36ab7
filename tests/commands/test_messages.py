"""What the `gan` command answers to typical mistakes: one line with the value, the rule, and what to do instead.

jsonargparse's messages are told apart by regular expressions. Every one of them is held here, so that a version that
says something else is noticed.
"""

import shlex
from pathlib import Path

import pytest
import torch
from helpers.commands import gan, mistake
from PIL import Image

from gan_lightning import GAN
from gan_lightning.commands.evaluate import evaluation_parser
from gan_lightning.commands.experiment import fit_parser
from gan_lightning.commands.kinds import kinds
from gan_lightning.commands.predict import predict_parser
from gan_lightning.commands.suggestions import CLASS_WORDS, OPTION_WORDS, choices, known, last_word, near_keys
from gan_lightning.objectives import Objective
from gan_lightning.penalties import Penalty

G, D = "model.generator_optimization", "model.discriminator_optimization"

CONFIGS = {
    "no_class": "data: {root: pics}",
    "beside": "data: {class_path: Digits, batch_size: 8}",
    "nested": "data: Digits\nmodel: {generator: {class_path: MLPGenerator, init_args: {class_path: MLPGenerator}}}",
    "class_in_class": "data: Digits\nmodel: {generator: {class_path: {class_path: MLPGenerator}}}",
    "class_list": "data: Digits\nmodel: {generator: {class_path: [MLPGenerator]}}",
    "init_number": "data: {class_path: Digits, init_args: 5}",
    "initargs": "data: {class_path: Digits, initargs: {batch_size: 8}}",
    "one_penalty": "data: Digits\nmodel: {penalties: {class_path: R1}}",
    "data_number": "data: 5",
    "top_level": "data: Digits\nmax_steps: 10",
    "group_key": "data: Digits\ntrainer: {foo: 1}",
    "optimizer": "data: Digits\noptimizer: {class_path: Adam, init_args: {lr: 0.1}}",
    "empty_group": "data: Digits\nmodel:\n",
    "number_group": "data: Digits\ntrainer: 5",
    "misspelt": "data: Digits\nmodel: {objectiv: Hinge}",
    "broken": "data: Digits\n  root: x",
    "tab": "data: Digits\nmodel:\n\tgenerator: MLPGenerator",
    "text": "Digits",
    "list": "- data\n- Digits",
    "empty": "",
}

USERS_OWN = """
from jsonargparse.typing import PositiveInt
from torch.optim import SGD
from gan_lightning.data import Digits


class Few(Digits):
    def __init__(self, images: PositiveInt, seed: int = 0) -> None:
        super().__init__(seed=seed)


class Plain(SGD):
    def __init__(self, params, rate: float) -> None:
        super().__init__(params, lr=rate)
"""


@pytest.fixture(scope="module", autouse=True)
def workplace(tmp_path_factory):
    """A folder with a checkpoint, three pictures, classes of a user's own, and configs with a mistake in each."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("workplace"))
        patch.syspath_prepend(".")
        Path("own_pieces.py").write_text(USERS_OWN)
        Path("folder").mkdir()
        Path("pics").mkdir()
        for i in range(3):
            Image.new("RGB", (70, 60), "red").save(f"pics/{i}.png")
        for name, text in CONFIGS.items():
            Path(f"{name}.yaml").write_text(text)
        Path("latin.yaml").write_bytes("data: Digits\n# é".encode("latin-1"))
        players = ("generator", "discriminator")
        small = [
            word
            for player in players
            for word in (f"--model.{player}.hidden", "[8]", f"--model.{player}.classes", "10")
        ]
        gan("fit", "--data", "Digits", "--trainer.max_steps", "2", "--trainer.default_root_dir", "run", *small)
        Path("run/lightning_logs/version_0/checkpoints/last.ckpt").rename("m.ckpt")
        yield


def check(line: str, words: str, capsys: pytest.CaptureFixture) -> None:
    assert words in mistake(capsys, *shlex.split(line))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("gan train", "gan: there is no command train; did you mean gan fit?"),
        ("gan fitt", "gan: there is no command fitt; did you mean gan fit?"),
        ("gan sample", "did you mean gan predict?"),
        (
            "gan dance",
            "the commands are fit, predict, invert, complete, walk, directions, explore, test, validate, configs",
        ),
        ("gan --data Digits", "gan: the command must come first"),
    ],
)
def test_a_command_that_there_is_not(line, words, capsys):
    with pytest.raises(SystemExit) as caught:
        gan(*shlex.split(line)[1:])
    assert caught.value.code == 2
    (only,) = capsys.readouterr().err.splitlines()
    assert words in only


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("fit -c digits", "-c is not an option; did you mean --config?"),
        ("fit -v", "-v is not an option; gan fit --help lists all"),
        ("fit --data Digits -ckpt_path last", "-ckpt_path is not an option; did you mean --ckpt_path?"),
        ("fit --data Digits --trainer.max_step 10", "did you mean trainer.max_steps?"),
        ("fit --data Digits --trainer.max-steps 10", "did you mean trainer.max_steps?"),
        ("fit --data Digits --max_steps 10", "max_steps is not an option; did you mean trainer.max_steps?"),
        ("fit --data Digits --model.lr 1", f"did you mean {G}.optimizer.lr or {D}.optimizer.lr?"),
        ("fit --data Digits --lr 1", f"lr is not an option; did you mean {G}.optimizer.lr or {D}.optimizer.lr?"),
        (f"fit --data Digits --{G}.lr 1", f"did you mean {G}.optimizer.lr?"),
        ("fit --config vae --lr 1", "did you mean model.autoencoder_optimization.optimizer.lr?"),
        ("fit --config vae_gan --lr 1", "model.encoder_optimization.optimizer.lr or model.discriminator_optimization"),
        ("fit --config extractor --lr 1", "did you mean model.network_optimization.optimizer.lr?"),
        ("fit --data Digits --batch_size 8", "did you mean data.batch_size?"),
        ("fit --data Digits --epochs 8", "epochs is not an option; did you mean trainer.max_epochs?"),
        ("fit --data Digits --epochs=8", "epochs is not an option; did you mean trainer.max_epochs?"),
        ("fit --data Digits --steps 8", "did you mean trainer.max_steps?"),
        ("fit --data Digits --gpus 1", "did you mean trainer.devices?"),
        ("fit --data Digits --device cuda", "did you mean trainer.accelerator?"),
        ("fit --data Digits --logger false", "did you mean trainer.logger?"),
        ("fit --data Digits --resume", "resume is not an option; --ckpt_path last resumes the newest run"),
        ("fit --data Digits --grad_clip 1", f"did you mean {G}.gradient_clip or {D}.gradient_clip?"),
        ("fit --data Digits --model.latent_dim 8", "did you mean model.generator.latent_dim?"),
        ("fit --data Digits --foo 1", "foo is not an option; gan fit --help lists all"),
        ("fit --data Digits --traner.max_steps 1", "did you mean trainer.max_steps?"),
        ("fit --data Digits trainer.max_steps=3", "lacks its dashes: write --trainer.max_steps=3"),
        ("fit digit", "there is no config digit; did you mean digits?"),
        ("fit stray", "stray is no option, config or folder: options begin with --; gan configs lists the configs"),
        ("fit --data Digits -- stray", "stray is no option, config or folder"),
        ("predict --ckpt_path m.ckpt --count 5", "count is not an option; did you mean samples.count?"),
        ("predict --ckpt_path m.ckpt --seed 5", "seed is not an option; did you mean samples.first_seed?"),
        ("predict --ckpt_path m.ckpt --output s", "output is not an option; did you mean samples.folder?"),
        ("predict --ckpt_path m.ckpt --data Digits", "data is not an option of gan predict: leave it out"),
        ("test --ckpt_path m.ckpt --samples 50", "did you mean judge.samples?"),
        ("fit --kind FeatureLearner --data Digits --grid.rows 3", "not an option of gan fit --kind FeatureLearner"),
        ("fit --config top_level.yaml", "max_steps is not an option; did you mean trainer.max_steps?"),
        ("fit --config group_key.yaml", "trainer.foo is not an option; gan fit --help lists all"),
        ("fit --config misspelt.yaml", "model.objectiv is not an option; did you mean model.objective?"),
        ("fit --config optimizer.yaml", f"optimizer.lr is not an option; did you mean {G}.optimizer.lr"),
    ],
)
def test_an_option_that_there_is_not(line, words, capsys):
    check(line, words, capsys)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (
            "fit --kind VAE --data Digits --model.discriminator MLPDiscriminator",
            "model.discriminator is not an option of kind VAE, but of CycleTranslator, GAN, Translator and VAEGAN: "
            "set --kind CycleTranslator, GAN, Translator or VAEGAN, or",
        ),
        ("fit --config vae --kind GAN", "is not an option of kind GAN, but of VAE: set --kind VAE, or leave out"),
        (
            "fit --config mnist --config vae",
            "is not an option of kind VAE, but of CycleTranslator, GAN, Translator and VAEGAN",
        ),
        ("fit --data Digits --model.encoder MLPDiscriminator", "not an option of kind GAN, but of VAE and VAEGAN"),
        ("fit --kind vae --data Digits", "kind is vae; did you mean VAE?"),
        ("fit --kind Diffusion --data Digits", "kind is Diffusion; there are"),
        ("fit --model VAE --data Digits", "did you mean --kind VAE?"),
    ],
)
def test_an_option_of_another_kind_of_model(line, words, capsys):
    check(line, words, capsys)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("fit", "data must be given: --data MNIST on the command line, or a --config file that holds it"),
        ("fit --data ImageFolder", "data.root must be given: --data.root my_images on the command line"),
        ("predict", "ckpt_path must be given: --ckpt_path last on the command line"),
        ("test", "ckpt_path must be given: --ckpt_path last on the command line (or --images FOLDER"),
        ("test --images pics", "give them with --data, such as --data MNIST"),
        (
            f"fit --data Digits --{G}.scheduler StepLR",
            f"{G}.scheduler.step_size must be given: --{G}.scheduler.step_size 1000 on the command line",
        ),
        (
            f"fit --data Digits --{G}.optimizer own_pieces.Plain",
            f"{G}.optimizer.rate must be given: --{G}.optimizer.rate",
        ),
        ("fit --config", "--config needs a value, such as --config digits"),
        ("fit --data", "--data needs a value, such as --data MNIST"),
        ("fit --kind --data Digits", "--kind needs a value, such as --kind VAE"),
        ("fit --data Digits --data.batch_size", "--data.batch_size needs a value, such as --data.batch_size 64"),
        (
            "fit --trainer.max_steps --data Digits",
            "--trainer.max_steps needs a value, such as --trainer.max_steps 1000",
        ),
        ("fit --data Digits --judge null", "judge is null, which is no file of options; set single ones: --judge."),
        ("fit --data Digits --trainer 3", "set single ones: --trainer.accelerator"),
        ("fit --data Digits --checkpoint last", "did you mean --ckpt_path last?"),
    ],
)
def test_what_is_missing(line, words, capsys):
    check(line, words, capsys)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("fit --data MNST", "data is MNST, but there is no such data set; did you mean MNIST?"),
        ("fit --data mnist", "did you mean MNIST?"),
        ("test --ckpt_path m.ckpt --data mnist", "did you mean MNIST?"),
        ("fit --data CelebA", "data is CelebA, but there is no such data set; there are "),
        ("fit --data=", "or a folder of images: --data my_images"),
        ("fit --data ./nowhere", "data is ./nowhere, but there is no such folder: name a folder of images, or "),
        ("fit --data nowhere/", "but there is no such folder"),
        (
            "fit --data Digits --model.objective WGAN",
            "did you mean Wasserstein? It needs a penalty: --model.penalties+=",
        ),
        ("fit --data Digits --model.objective LSGAN", "did you mean LeastSquares?"),
        ("fit --data Digits --model.objective RaGAN", "did you mean RelativisticAverage?"),
        ("fit --data Digits --model.objective vanilla", "did you mean NonSaturating?"),
        ("fit --data Digits --model.objective hinge", "did you mean Hinge?"),
        ("fit --data Digits --model.generator DCGAN", "did you mean DCGANGenerator?"),
        ("fit --data Digits --model.generator.help Foo", "model.generator is Foo, but there is no such generator"),
        (
            "fit --data Digits --model.generator Foo",
            "model.generator is Foo, but there is no such generator; there are ",
        ),
        (f"fit --data Digits --{G}.optimizer AdamX", "but there is no such optimizer; did you mean Adam"),
        (f"fit --data Digits --{G}.scheduler Step", "but there is no such scheduler; did you mean StepLR?"),
        (
            "fit --data Digits --model.penalties R1",
            "model.penalties is a list: --model.penalties+=R1 on the command line",
        ),
        ("fit --config one_penalty.yaml", "model.penalties is a list: in a config, begin each class_path with a dash"),
        (
            "fit --data Digits --model.generator nowhere.Net",
            "is nowhere.Net, but No module named 'nowhere': write module",
        ),
        ("fit --data own_pieces.No", "module 'own_pieces' has no attribute 'No': write module.Class"),
        ("fit --data Digits --model.generator torch.nn.Linear", "which is no generator: choose "),
        ("fit --config data_number.yaml", "data is 5, which is no data set: choose "),
        (
            f"fit --data Digits --{G}.optimizer Adam --{G}.optimizer.learning_rate 1",
            f"Adam in {G}.optimizer has no option learning_rate; did you mean lr?",
        ),
        ("fit --data Digits --data.root x", "Digits in data has no option root; there are batch_size, held_out, seed"),
    ],
)
def test_a_class_that_there_is_not(line, words, capsys):
    check(line, words, capsys)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (
            "fit --data.root pics",
            "data.root is given, but no data set: add --data ImageFolder (or ImagePatches, CIFAR10",
        ),
        ("fit --data.foo 1", "data.foo is an option of no data set"),
        ("fit --config no_class.yaml", "data.root is given, but no data set: add --data ImageFolder"),
        ("test --images pics --data.root pics", "data.root is given, but no data set: add --data ImageFolder"),
        ("fit --data Digits --model.augmentation.p 1", "given, but no augmentation: add --model.augmentation ADA"),
        ("fit --data Digits --model.penalties.weight 1", "but no penalty: add --model.penalties+="),
        (f"fit --data Digits --{G}.scheduler.step_size 1", f"but no scheduler: add --{G}.scheduler StepLR"),
    ],
)
def test_an_option_of_a_class_that_is_not_named(line, words, capsys):
    check(line, words, capsys)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("fit --data Digits --data.batch_size big", "data.batch_size is big; it must be a whole number"),
        ("fit --data Digits --data.batch_size 1.5", "data.batch_size is 1.5; it must be a whole number"),
        ("test --ckpt_path m.ckpt --data.batch_size x", "data.batch_size is x; it must be a whole number"),
        ("fit --data Digits --seed -1", "seed is -1; it must be a whole number from 0 to 4294967295"),
        ("fit --data Digits --seed abc", "seed is abc; it must be a whole number from 0 to 4294967295"),
        ("fit --data own_pieces.Few --data.images 0", "data.images is 0; it must be >0"),
        ("fit --data Digits --trainer.max_steps 1e4", "it must be a whole number: write 10000"),
        ("fit --data Digits --trainer.max_steps ''", "trainer.max_steps is empty; it must be a whole number"),
        ("fit --data Digits --model.generator.hidden 256,512", 'it must be a list such as "[256, 512]"'),
        ("fit --data Digits --model.generator.hidden 64", 'a list such as "[256, 512]": write "[64]"'),
        ("fit --data Digits --model.generator.hidden [a]", 'hidden holds a; it must be a list such as "[256, 512]"'),
        ("fit --data Digits --model.generator.hidden.x 5", "model.generator.hidden.x is not an option"),
        (
            f"fit --data Digits --{G}.optimizer.betas 0.5",
            'optimizer.betas is 0.5; it must be a pair such as "[0.5, 0.999]"',
        ),
        (f"fit --data Digits --{G}.optimizer.betas [0.5]", 'it must be a pair such as "[0.5, 0.999]"'),
        (f"fit --data Digits --{G}.optimizer.lr x", f"{G}.optimizer.lr is x; it must be a number"),
        ("fit --data Digits --trainer.precision fp16", "it must be 32-true, 64-true, bf16-mixed or 16-mixed"),
        ("fit --data Digits --trainer.precision 16-true", "choose 32-true, 64-true, bf16-mixed, 16-mixed"),
        ("fit --data Digits --trainer.callbacks x", "it must be a list in brackets, a class as module.Class or null"),
        ("fit --data Digits --guard.action rollback", "guard.action is rollback; it must be warn, stop or roll_back"),
        ("predict --ckpt_path m.ckpt --samples.npz maybe", "samples.npz is maybe; it must be true or false"),
        (
            """fit --data ImageFolder --data.root pics --data.image_size '"[48, 32"'""",
            'data.image_size is [48, 32; it must be a whole number or a list such as "[48, 32]"',
        ),
    ],
)
def test_a_value_of_the_wrong_type(line, words, capsys):
    check(line, words, capsys)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (
            "--config nowhere.yaml",
            "there is no config nowhere.yaml: name a YAML file, or a config that gan configs lists",
        ),
        ("--config mnst.yaml", "there is no config mnst.yaml (did you mean mnist?)"),
        ("--config folder", "config is folder, which is a folder: name a YAML file"),
        ("--config m.ckpt", "config is m.ckpt, which is a checkpoint; did you mean --ckpt_path m.ckpt?"),
        ("--config latin.yaml", "config latin.yaml is not text in UTF-8 (line 2): save it as UTF-8"),
        ("--config broken.yaml", "config broken.yaml is not YAML: line 2, column 7: mapping values are not allowed"),
        ("--config tab.yaml", "config tab.yaml is not YAML: line 3, column 1: found character"),
        (
            "--config text.yaml",
            "config text.yaml holds Digits; it must hold options, such as trainer: {max_steps: 1000}",
        ),
        ("--config list.yaml", "config list.yaml holds a list; it must hold options"),
        ("--config empty.yaml", "config empty.yaml is empty; it must hold options"),
        ("--config empty_group.yaml", "model in config empty_group.yaml is empty: indent its options below it"),
        ("--config number_group.yaml", "trainer in config number_group.yaml is 5: indent its options below it"),
        (
            "--config beside.yaml",
            "data is laid out wrongly: write data: {class_path: NAME, init_args: {OPTION: VALUE}}",
        ),
        ("--config nested.yaml", "model.generator is laid out wrongly: write generator: {class_path: NAME"),
        ("--config class_in_class.yaml", "model.generator is laid out wrongly"),
        ("--config class_list.yaml", "model.generator is laid out wrongly"),
        ("--config init_number.yaml", "data is laid out wrongly"),
        ("--config initargs.yaml", "data is laid out wrongly"),
        ("--model latin.yaml --data Digits", "a file of options is not text in UTF-8: name a YAML file"),
    ],
)
def test_a_config_that_is_none(line, words, capsys):
    check(f"fit {line}", words, capsys)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("--trainer.max_time '1 hour'", "trainer.max_time is 1 hour; it must be DD:HH:MM:SS, such as 00:01:00:00"),
        ("--trainer.strategy fsdp", "trainer.strategy is fsdp; it must be auto or ddp"),
        ("--trainer.strategy foo", "trainer.strategy is foo; it must be auto or ddp"),
        ("--trainer.strategy deepspeed", "trainer.strategy is deepspeed; it must be auto or ddp"),
        ("--trainer.devices 0", "trainer.devices is 0; it must be a whole number from 1, or auto"),
        ("--trainer.devices x", "trainer.devices is x; it must be a whole number from 1, or auto"),
        ("--trainer.gradient_clip_val 1", f"set {G}.gradient_clip and {D}.gradient_clip instead"),
        ("--trainer.default_root_dir m.ckpt", "which cannot hold a run: it is a file; name another folder"),
    ],
)
def test_an_option_that_the_trainer_refuses(line, words, capsys):
    check(f"fit --data Digits --trainer.accelerator cpu {line}", words, capsys)


@pytest.mark.parametrize("name", ["cuda", "gpu", "foo"])
@pytest.mark.skipif(torch.cuda.is_available() or torch.backends.mps.is_available(), reason="there is a GPU")
def test_a_device_that_is_not_there(name, capsys):
    words = f"trainer.accelerator is {name}, which this machine does not have: use auto or cpu"
    check(f"fit --data Digits --trainer.accelerator {name}", words, capsys)
    check(f"test --ckpt_path m.ckpt --device {name}", f"device is {name}, which is not there: use auto or cpu", capsys)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (f"--{G}.optimizer.lr -0.1", f"{G}.optimizer.lr is -0.1; it must be at least 0"),
        (f"--{G}.optimizer.betas [0.5,1.5]", f"{G}.optimizer.betas is (0.5, 1.5); each must be at least 0 and below 1"),
        (f"--{G}.optimizer.eps -1", f"{G}.optimizer.eps is -1.0; it must be at least 0"),
        (
            f"--{D}.scheduler OneCycleLR --{D}.scheduler.max_lr 0.1",
            f"{D}.scheduler refuses its options: You must define either total_steps",
        ),
        (
            f"--{D}.scheduler StepLR --{D}.scheduler.step_size 0",
            f"{D}.scheduler refuses its options: integer modulo by zero; change them",
        ),
        ("--checkpoint.monitor foo", "D/accuracy, D/fake, D/real"),
        ("--checkpoint.monitor judge/frechet", "set judge.every_n_steps"),
        ("--judge.every_n_steps -1", "judge.every_n_steps is -1; it must be at least 0"),
        ("--model.discriminator_steps 7", "set data.batch_size to a multiple of model.discriminator_steps"),
        ("--model.generator.classes 10", "set model.generator.classes and model.discriminator.classes"),
        ("--ckpt_path nowhere.ckpt", "ckpt_path takes a file, a run's folder, or last for the newest run"),
        ("--ckpt_path m.ckpt", "config.yaml"),
        ("--ckpt_path top_level.yaml", "name one that gan fit wrote"),
        ("--data pics", "set data.batch_size to at most 3"),
        ("--data=pics", "set data.batch_size to at most 3"),
        ("--data Ring --model.generator DCGANGenerator", "MLPGenerator and MLPDiscriminator"),
    ],
)
def test_a_training_that_cannot_be(line, words, capsys):
    steps = "--trainer.max_steps 2 --trainer.log_every_n_steps 1 --trainer.default_root_dir refused"
    check(f"fit --data Digits {steps} {line}", words, capsys)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("predict latest", "there is no checkpoint latest: ckpt_path takes a file, a run's folder, or last"),
        ("predict folder", "there is no checkpoint folder/checkpoints/last.ckpt: ckpt_path takes a file"),
        ("predict m.ckpt --samples.count 0", "samples.count is 0; it must be at least 1"),
        (
            "predict m.ckpt --samples.labels rose",
            "there is no class rose; the classes are 0, 1, 2, 3, 4, 5, 6, 7, 8, 9",
        ),
        (
            "predict m.ckpt --samples.labels [3,rose]",
            "samples.labels: there is no class rose; the classes are 0, 1, 2,",
        ),
        ("predict m.ckpt --samples.labels 10", "10 is no label of this model: its classes are 0 to 9"),
        ("predict m.ckpt --samples.folder m.ckpt", "it is a file; name another folder"),
        ("predict m.ckpt --samples.traverse 500", "samples.traverse is 500; it must be from 0 to 100"),
        ("test --images pics --data Digits", "images of their size (ImageFolder: data.image_size [60, 70])"),
        ("test --images pics --data pics --data.image_size [60,70]", "holds 3 images"),
        ("test m.ckpt --images pics", "ckpt_path and images are both given"),
        ("test m.ckpt --data pics", "the data it was trained on"),
        ("test m.ckpt --judge.samples 5", "judge.samples is 5; it must be at least 20"),
        ("test m.ckpt --judge.extractor inception", "judge.extractor takes MNIST, SecondMNIST, StackedMNIST,"),
        ("test m.ckpt --data.held_out 0.5", "give --data.held_out 0"),
    ],
)
def test_samples_that_cannot_be(line, words, capsys):
    check(line, words, capsys)


def test_every_word_of_other_programs_leads_to_something():
    parsers = [predict_parser(), evaluation_parser("test"), *map(fit_parser, kinds().values())]
    ours = {last_word(key) for parser in parsers for key in [*known(parser), *parser.options]}
    assert {*OPTION_WORDS} <= ours
    assert {*CLASS_WORDS} <= {cls.__name__ for base in (Objective, Penalty) for cls in choices(base)}


def test_a_suggested_option_is_one_of_the_command():
    keys = known(fit_parser(GAN))
    assert {key for words in OPTION_WORDS.values() for word in words for key in near_keys(word, keys)} <= {*keys}
