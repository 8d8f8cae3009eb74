"""Which garments each label hides: look-up, neighbors, likelihood, mapping, certificate, order of rows, wording."""
