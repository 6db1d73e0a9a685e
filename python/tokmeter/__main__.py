"""``python -m tokmeter``: the same as the `tokmeter` command."""

from tokmeter.cli import main

if __name__ == "__main__":
    main()
