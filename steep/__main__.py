"""``python -m steep``."""

from steep.cli.main import main

main()
