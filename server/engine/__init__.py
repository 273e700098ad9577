"""The engine: what a network computes, read from runs of it; knows nothing of HTTP."""

from server.engine.trace import trace_model

__all__ = ["trace_model"]
