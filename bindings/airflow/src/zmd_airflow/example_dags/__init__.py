"""Examples, which the tests run."""
