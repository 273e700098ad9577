"""How good a classifier of doodles is: everything that a report of it says."""
