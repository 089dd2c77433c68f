"""The actions of the gridworlds, and the keys for them."""

import numpy as np

NORTH, SOUTH, EAST, WEST, STAY, INTERACT = range(6)
MOVES = np.array([(-1, 0), (1, 0), (0, 1), (0, -1), (0, 0)], dtype=np.int16)
KEYS: dict[str | int, int] = {"w": NORTH, "s": SOUTH, "d": EAST, "a": WEST, " ": INTERACT}
KEYS |= {1073741906: NORTH, 1073741905: SOUTH, 1073741903: EAST, 1073741904: WEST}  # arrows
