"""``python -m ocistore_tui`` is the ``ocistore-tui`` program."""

from ocistore_tui.cli.main import main

if __name__ == "__main__":
    main()
