"""What tests share: tiny.py for one process, processes.py for several, variants.py for every way to play."""
