"""What must be in order for the pipeline to run: the checks of `python -m src doctor`."""
