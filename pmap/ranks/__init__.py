"""The ranks of a job: the world, its waits, and the exchange that carries plans out."""
