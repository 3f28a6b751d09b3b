"""The applications: each module reads like the steps of the paper, and runs as `pRUN NAME`."""
