"""The arithmetic that made one value, for each kind of operation."""

from server.engine.arithmetic.arithmetic import Arithmetic, arithmetic
from server.engine.arithmetic.call import Files
from server.engine.arithmetic.parts import Sort

__all__ = ["Arithmetic", "Files", "Sort", "arithmetic"]
