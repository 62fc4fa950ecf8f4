"""What a program is run with: its inputs, the faults that it meets, its limits.

A job is data, so that it can be named: trials with another job are trials of something else. One
module holds the jobs of a chapter; a program that is not named there reads service accounts from
its standard input, as most do.
"""

from importlib import import_module
from importlib.util import find_spec

from tests.book import chapter_of, recipe_of
from tests.evidence.jobs.base import ACCOUNTS, Fault, Files, Job, Lines, Work

__all__ = ["ACCOUNTS", "Fault", "Files", "Job", "Lines", "Work", "job_of"]


def job_of(file: str) -> Job:
    """Return the job of a recipe, which is that of its broken twin as well."""
    chapter = chapter_of(file)
    module = f"{__name__}.{chapter}"
    if find_spec(module) is None:
        return Job()
    jobs: dict[str, Job] = import_module(module).JOBS
    return jobs.get(recipe_of(file).removeprefix(f"{chapter}/"), Job())
