"""The state of the database as one value, for `tmxdb status` as text, JSON, Prometheus metrics or a screen."""

from tmxdb.reports.status.reading import read_status
from tmxdb.reports.status.state import DiskForecast, Failure, LiveWorker, RecentError, Status, seconds_since

__all__ = ["DiskForecast", "Failure", "LiveWorker", "RecentError", "Status", "read_status", "seconds_since"]
