"""The job queue: rows are claimed, worked on, settled or released. `queue/job.py` defines the terms.

The queue knows no kind by name. A kind is a table, its key, the columns a job needs, and `run(job) -> Outcome`.
"""
