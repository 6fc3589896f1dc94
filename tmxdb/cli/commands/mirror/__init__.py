"""Commands that mirror the exchange: track lists, leaderboards, replays and maps."""
