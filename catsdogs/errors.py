"""The one exception that is meant for the user's eyes."""


class CatsdogsError(Exception):
    """Bad input or a missing resource, told in one Portuguese sentence that says what to do."""


class NoNetworkError(CatsdogsError):
    """The server of a download cannot be reached at all."""
