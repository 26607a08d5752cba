"""``python -m napari_zecoverage.cli``."""

from napari_zecoverage.cli import main

main()
