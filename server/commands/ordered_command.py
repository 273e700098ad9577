"""A command that knows in which order its options were given."""

from __future__ import annotations

from typing import Any

from typer import Context
from typer.core import TyperCommand

_ORDER = "doodlescope.order"


class OrderedCommand(TyperCommand):
    """A command that knows in which order its options were given, in ``order_of``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """As of every command; before it, the order is noted."""
        # Parsed twice: values are collected by option, and only the parser knows what came when.
        _, _, order = self.make_parser(ctx).parse_args(args=list(args))
        ctx.meta[_ORDER] = [str(parameter.name) for parameter in order]
        return super().parse_args(ctx, args)


def order_of(ctx: Context) -> list[str]:
    """The names of the parameters that were given, as often as they were, in order."""
    order: list[str] = ctx.meta[_ORDER]
    return order
