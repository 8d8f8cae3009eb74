"""The pipeline: one flat file per stage, and what the stages share."""
