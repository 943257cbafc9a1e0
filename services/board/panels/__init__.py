"""Panels: what is asked of the tables and how it is shown, declared once for every place that shows it."""
