"""Which rank owns what, and what must move: maps, indices and plans (pure)."""
