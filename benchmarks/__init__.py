"""What the README's claims of speed were measured with."""
