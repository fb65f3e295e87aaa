"""Widgets: they show what state and workers give them and report what was asked for."""
