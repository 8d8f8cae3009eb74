"""Clusters of the encoder's features: DBSCAN, agreement with the truth, stability, charts."""
