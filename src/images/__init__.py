"""What the data is: its formats, where it comes from, and the splits on disk."""
