"""Figures for what the assistant decides by rule."""
