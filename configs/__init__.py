"""The shipped configs, as data of the package."""
