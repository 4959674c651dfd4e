"""A package, and no mere folder: a library of the tests brings a package of this name, which would be found instead."""
