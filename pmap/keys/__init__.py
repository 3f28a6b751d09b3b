"""Elements picked by masks and integer arrays, read and written."""
