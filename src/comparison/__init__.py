"""How the models differ and how surely: runs, scores, statistics, calibration, claims, the table and its charts."""
