"""Receptive fields: which input positions can reach a unit, exactly."""
