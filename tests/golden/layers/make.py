#!/usr/bin/python3
"""Makes the goldens of layers: what PyTorch gets for networks of every composite layer, loss, optimizer and schedule.

    /usr/bin/python3 tests/golden/layers/make.py [NAME ...]        (Debian's python3-torch and python3-numpy)

Writes, beside itself, for every case: NAME.yaml, the workload; NAME_init.npz, the initial state dict; NAME.npz, the data,
the `loss` of every step, the final state dict under final/ and the statistics after the first step under first/. Nothing of
the simulator runs here. The cases stand in *_cases.py.
"""

import pathlib
import sys

import numpy
import torch

import image_cases
import sequence_cases
import training_cases


def arrays_of(state, prefix=""):
    return {prefix + key: value.detach().clone().numpy() for key, value in state.items()
            if not key.endswith("num_batches_tracked")}


def make(case, folder):
    torch.manual_seed(sum(case.name.encode()))
    module = case.module()
    data = {key: torch.from_numpy(value) for key, value in case.data().items()}
    initial = arrays_of(module.state_dict())
    optimizer = case.optimizer(module.parameters())
    schedulers = case.schedulers(optimizer)
    arrays, losses = {}, []
    for step in range(case.steps):
        loss = case.loss(module, data, step)
        optimizer.zero_grad()
        (loss * case.loss_scale).backward()
        for parameter in module.parameters():
            parameter.grad /= case.loss_scale
        optimizer.step()
        for scheduler in schedulers:
            scheduler.step()
        losses.append(loss.item())
        if step == 0:
            arrays |= arrays_of(dict(module.named_buffers()), "first/")
    arrays |= {key: value.numpy() for key, value in data.items()}
    arrays |= {"loss": numpy.array(losses)} | arrays_of(dict(module.named_parameters()), "final/")
    yaml = f"name: {case.name}\n{case.yaml.strip()}\nsteps: {case.steps}\n"
    yaml += f"data: {{file: {case.name}.npz}}\ninitial: {{file: {case.name}_init.npz}}\n"
    (folder / f"{case.name}.yaml").write_text("# Written by make.py\n" + yaml)
    numpy.savez_compressed(folder / f"{case.name}.npz", **arrays)
    numpy.savez_compressed(folder / f"{case.name}_init.npz", **initial)
    print(f"{case.name}: loss {losses[0]:.6f} -> {losses[-1]:.6f}")


def main():
    torch.set_num_threads(1)
    folder = pathlib.Path(__file__).parent
    chosen = sys.argv[1:]
    groups = (sequence_cases.recurrent_cases, sequence_cases.attention_cases, image_cases.convolution_cases,
              image_cases.precision_cases, training_cases.loss_cases, training_cases.element_wise_cases,
              training_cases.optimizer_cases, training_cases.dropout_cases)
    for case in (case for group in groups for case in group()):
        if not chosen or case.name in chosen:
            make(case, folder)


if __name__ == "__main__":
    main()
