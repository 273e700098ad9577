"""Doodles: strokes, the one rasteriser, the categories and the data set's formats."""
