"""A row's life: claimed, worked on, settled, given back. The words are told in `queue/job.py`.

The queue knows no kind by name: a kind is a table, its key, the columns a job needs, and `run(job) -> Outcome`.
"""
