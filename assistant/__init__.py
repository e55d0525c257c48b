"""The conversation and the decision: what a photo becomes, what goes with it, and what is shown."""
