"""The vector index: what it is, how good it is, what it should be, and rebuilding it under the eyes of its readers."""
