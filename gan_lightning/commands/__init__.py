"""The `gan` command, one file a verb. This file stays empty: `gan --help` must not wait for torch."""
