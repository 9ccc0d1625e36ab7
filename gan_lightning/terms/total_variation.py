"""A term that keeps images smooth."""

from torch import Tensor

from gan_lightning.terms.term import Term, TermInput


class TotalVariation(Term):
    """The mean absolute difference of pixels one above another, and of pixels side by side, added.

    Rudin, Osher and Fatemi, "Nonlinear total variation based noise removal algorithms", 1992 (here each direction by
    itself). https://doi.org/10.1016/0167-2789(92)90242-F. It looks at G's images alone.
    """

    def forward(self, inputs: TermInput) -> Tensor:
        x = inputs.made
        return x.diff(dim=2).abs().mean() + x.diff(dim=3).abs().mean()
