"""Training shared by every kind of model: players that update in turn."""
