"""The device, the training loop and the predictor: the only package that calls TensorFlow."""
