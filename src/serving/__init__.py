"""The winner as a model that others load: its MLflow folder, the registry, the server, pictures."""
