"""`python -m tmxdb`."""

from tmxdb.cli import main

if __name__ == "__main__":
    main()
