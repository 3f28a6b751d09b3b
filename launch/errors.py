"""The launcher's own error: it stands on the standard library alone."""


class JobError(ValueError):
    """A job that cannot be started as it was asked for; the text says what to do."""
