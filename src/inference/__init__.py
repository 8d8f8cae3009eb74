"""Which mapping the course used: a likelihood of every grouping that fits the published counts."""
