"""`python -m mmfeat`."""

from mmfeat.cli.app import main

if __name__ == "__main__":
    main()
