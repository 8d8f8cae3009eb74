"""Sweeps: a search for better values of a recipe's keys, by trials that Ray runs side by side on this machine."""
