"""The block engine, and the parts of filters, labels and tables of regions."""
