"""Import of ModelScope's CSANMT directories (TensorFlow checkpoints) without TensorFlow."""
