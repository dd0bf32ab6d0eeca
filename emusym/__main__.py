"""``python -m emusym`` is the command ``emusym``."""

from eμsym.cli import main

if __name__ == "__main__":
    main()
