"""How any stage runs: the types of params, the runner, files, progress, MLflow, figures."""
