"""What people run beside the pipeline: `python -m src COMMAND`, one file each."""
