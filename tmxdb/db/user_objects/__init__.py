"""Views and triggers of users in tmxdb's database, which a change of the schema must keep."""
