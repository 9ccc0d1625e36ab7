"""What every kind of model shares in training: players that update in turn."""
