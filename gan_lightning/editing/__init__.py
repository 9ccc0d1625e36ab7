"""What a trained generator is for: pure functions of anything that is called as `model(z, y)` and returns images."""
