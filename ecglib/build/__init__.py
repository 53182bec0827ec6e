"""The chapters run and the book built: `plan` what and where, `run` by papermill, `book` the pages.

Light on purpose: the command line imports `BuildError` from here before it knows the command.
"""


class BuildError(Exception):
    """The book could not be built; the message is one sentence for each reason."""
