"""Arrays joined, split, reshaped, padded, and worked on along axes."""
