"""Stages at the same time: which may start, their processes, what is shown meanwhile. DVC records them as ever."""
