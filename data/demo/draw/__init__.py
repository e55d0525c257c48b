"""The demo catalogue and its photos, drawn from nothing: run `python -m data.demo.draw` in the checkout.

`geometry` builds outlines, `colours`, `fabrics` and `patterns` say what they are made of, `paint` turns outlines into
shaded pixels, `tops` ... `accessories` hold the cuts, `catalogue` decides which items exist, `photos` arranges some of
them into scenes, `build` writes the files. A development-time tool: nothing at run time imports it. It needs resvg-py,
numpy, scipy and Pillow.
"""
