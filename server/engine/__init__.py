"""The engine: what a network computes, read from real runs of it; knows nothing of HTTP."""
