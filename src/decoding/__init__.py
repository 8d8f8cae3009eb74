"""Which garments each label hides: look-up, neighbors, counts, mapping, assignment, wording, charts."""
