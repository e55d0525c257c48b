"""Garments into vectors, vectors into ranked items. Imports nothing of `assistant`."""
