"""The report's page: template, style, script, and the images and maps on it."""
