"""A worker: models on a machine of their own, over HTTP. Started by `outfit serve-models`."""
