#!/usr/bin/python3
"""Makes the goldens of the ops: what PyTorch gets for every op of the graph, forward and all gradients.

    /usr/bin/python3 tests/golden/ops/make.py        (Debian's python3-torch and python3-numpy)

Writes GROUP.npz and GROUP.json beside itself. PyTorch computes in fp64, so that the goldens are right to the last bit of
fp32; operands are fp32 numbers, and where an op rounds (casts, quantisation) they are rounded here as well. Seeded: the
same goldens every time.
"""

import contractions
import element_wise
import movements
import rows
import training
import windows

if __name__ == "__main__":
    for module in (contractions, element_wise, rows, movements, windows, training):
        group = module.make()
        group.write()
        print(f"{group.name}: {len(group.cases)} cases")
