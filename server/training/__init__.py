"""Training and judging the doodle classifier: data, augmentation, the loop, evaluation."""
