"""The base class of models whose results come from moving averages of their networks."""

from torch import nn

from gan_lightning.core.errors import UserError
from gan_lightning.models.ema import MovingAverage, decay_of, warmed_up
from gan_lightning.networks import ImageShape
from gan_lightning.training.alternating import AlternatingModule


class AveragedModule(AlternatingModule):
    """A model that keeps moving averages of its networks.

    Args:
        image_shape: Channels, height, width of the images.
        classes: Number of classes; 0 for a model without labels.
        average_decay: Decay of the moving averages.
        seed: Fixes all random draws of training, which also depend on the iteration and the process.
        average_half_life: Images after which the past weighs half in an average, in place of the decay.
    """

    def __init__(
        self,
        image_shape: ImageShape,
        classes: int,
        average_decay: float,
        seed: int,
        average_half_life: float | None = None,
    ) -> None:
        super().__init__(image_shape, classes, seed)
        if not 0 <= average_decay < 1:
            raise UserError(f"model.average_decay is {average_decay}; it must be at least 0 and below 1")
        if average_half_life is not None and not average_half_life >= 0:
            raise UserError(f"model.average_half_life is {average_half_life}; it must be at least 0 images")
        self.average_decay, self.average_half_life = average_decay, average_half_life
        self.averages: list[tuple[MovingAverage, nn.Module]] = []

    def averaged(self, network: nn.Module) -> MovingAverage:
        """Creates a moving average of a network, which every iteration updates."""
        average = MovingAverage(network)
        self.averages.append((average, network))
        return average

    def finish_iteration(self) -> None:
        """Ends every iteration: updates the averages and steps the learning-rate schedules."""
        for average, network in self.averages:
            average.update(network, self.decay)
        super().finish_iteration()

    @property
    def decay(self) -> float:
        """The decay of the averages in this iteration."""
        if self.average_half_life is None:
            return warmed_up(self.average_decay, self.iteration)
        return decay_of(self.average_half_life, self.batch_images)
