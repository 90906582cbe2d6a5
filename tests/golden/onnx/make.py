#!/usr/bin/python3
"""Makes the ONNX models that the importer is tested with, and what PyTorch gets when it trains them.

    /usr/bin/python3 tests/golden/onnx/make.py     (Debian's python3-torch, python3-numpy and python3-onnx)

Writes, beside itself, for every model NAME.onnx (torch.onnx.export in training mode, without constant folding, so that
parameters stay parameters), NAME.yaml (a workload) and NAME.npz: the samples under the names of the model's inputs, the
targets y, `loss` of every step, every final parameter under `final.` and its name, and every running statistic after the
first step under `first.` and its name.
"""

import pathlib
import warnings

import numpy
import onnx
import torch
from torch import nn

STEPS = 10
BATCH = 4


class Residual(nn.Module):
    """A small ResNet: a stem, a block with a projection, a block without."""

    class Block(nn.Module):
        def __init__(self, inputs, outputs, stride):
            super().__init__()
            self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(outputs)
            self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
            self.bn2 = nn.BatchNorm2d(outputs)
            self.down = None
            if stride != 1 or inputs != outputs:
                self.down = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

        def forward(self, x):
            y = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
            return torch.relu(y + (x if self.down is None else self.down(x)))

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 1, 1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(3, 2, 1))
        self.layer1 = self.Block(8, 8, 1)
        self.layer2 = self.Block(8, 12, 2)
        self.fc = nn.Linear(12, 5)

    def forward(self, x):
        x = self.layer2(self.layer1(self.stem(x)))
        return self.fc(torch.flatten(nn.functional.adaptive_avg_pool2d(x, 1), 1))


class Depthwise(nn.Module):
    """Depth-wise separable convolutions as in MobileNet v2: expand, depth-wise, project; ReLU6."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 6, 3, 2, 1, bias=False), nn.BatchNorm2d(6), nn.ReLU6())
        self.expand = nn.Sequential(nn.Conv2d(6, 18, 1, bias=False), nn.BatchNorm2d(18), nn.ReLU6())
        self.depth = nn.Sequential(nn.Conv2d(18, 18, 3, 1, 1, groups=18, bias=False), nn.BatchNorm2d(18), nn.ReLU6())
        self.project = nn.Sequential(nn.Conv2d(18, 6, 1, bias=False), nn.BatchNorm2d(6))
        self.fc = nn.Linear(6 * 3 * 3, 4)

    def forward(self, x):
        x = self.stem(x)
        x = x + self.project(self.depth(self.expand(x)))
        return self.fc(nn.functional.avg_pool2d(x, 2, 2).flatten(1))


class Recurrent(nn.Module):
    """An embedding, a recurrent network, the last step into a classifier."""

    def __init__(self, kind, **options):
        super().__init__()
        self.embedding = nn.Embedding(20, 8)
        self.rnn = kind(8, 10, batch_first=True, **options)
        self.fc = nn.Linear(20 if options.get("bidirectional") else 10, 5)

    def forward(self, tokens):
        y, _ = self.rnn(self.embedding(tokens))
        return self.fc(y[:, -1])


class Encoder(nn.Module):
    """Token and learned position embeddings, two encoder layers, the mean into a classifier."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(20, 16)
        self.position = nn.Embedding(8, 16)
        self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 2, 32, 0.0, "gelu", batch_first=True), 2)
        self.fc = nn.Linear(16, 5)

    def forward(self, tokens):
        places = torch.arange(tokens.shape[1])
        return self.fc(self.encoder(self.embedding(tokens) + self.position(places)).mean(1))


class Decoder(nn.Module):
    """A causal decoder with attention to a memory; sinusoidal positions are a buffer that is not trained."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(20, 16)
        layer = nn.TransformerDecoderLayer(16, 4, 24, 0.0, "relu", batch_first=True, norm_first=True)
        self.decoder = nn.TransformerDecoder(layer, 2, nn.LayerNorm(16))
        self.fc = nn.Linear(16, 20)
        angle = torch.arange(6)[:, None] / 10000 ** (torch.arange(0, 16, 2) / 16)
        self.register_buffer("table", torch.cat([angle.sin(), angle.cos()], 1))

    def forward(self, tokens, memory):
        length = tokens.shape[1]
        mask = torch.triu(torch.full((length, length), float("-inf")), 1)
        return self.fc(self.decoder(self.embedding(tokens) * 4.0 + self.table, memory, tgt_mask=mask))


class Unet(nn.Module):
    """Down and up again: group norm, SiLU, strided and transposed convolution, nearest upsampling, concatenation."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(2, 8, 3, 1, 1)
        self.norm1 = nn.GroupNorm(4, 8)
        self.down = nn.Conv2d(8, 8, 3, 2, 1)
        self.norm2 = nn.GroupNorm(2, 8)
        self.middle = nn.Conv2d(8, 8, 3, 2, 1)
        self.up = nn.ConvTranspose2d(8, 8, 3, 2, 1, output_padding=1)
        self.last = nn.Conv2d(24, 2, 3, 1, 1)

    def forward(self, x):
        a = nn.functional.silu(self.norm1(self.first(x)))
        b = nn.functional.silu(self.norm2(self.down(a)))
        c = self.up(nn.functional.leaky_relu(self.middle(b), 0.2))
        wide = nn.functional.interpolate(torch.cat([b, c], 1), scale_factor=2, mode="nearest")
        return self.last(torch.cat([a, wide], 1))


class Speech(nn.Module):
    """One axis: convolutions, pooling and a layer norm over features."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv1d(4, 8, 5, 2, 2)
        self.conv2 = nn.Conv1d(8, 8, 3, 1, 2, dilation=2, groups=2)
        self.norm = nn.LayerNorm(8)
        self.fc = nn.Linear(8, 5)

    def forward(self, x):
        x = nn.functional.max_pool1d(nn.functional.elu(self.conv1(x)), 2)
        x = self.norm(torch.tanh(self.conv2(x)).transpose(1, 2))
        return self.fc(x.amax(1))


class Operators(nn.Module):
    """Functions that the other models leave out, on [batch, features]."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(12, 24)
        self.weight = nn.Parameter(torch.randn(2, 6, 3) * 0.4)
        self.prelu = nn.PReLU()
        self.scale = nn.Parameter(torch.rand(1, 24) + 0.5)
        self.last = nn.Linear(24, 5)

    def forward(self, x):
        f = nn.functional
        a, b, c = torch.split(self.first(x), [8, 10, 6], 1)
        a = torch.cat([f.elu(a[:, :3], 0.7), f.selu(a[:, 3:6]), f.softplus(a[:, 6:])], 1)
        b = torch.cat([f.hardsigmoid(b[:, ::2]), f.hardswish(b[:, 1::2])], 1)
        c = self.prelu(c).reshape(-1, 2, 1, 3) * torch.ones(1, 1, 2, 1)
        c = torch.matmul(c.flatten(2).unsqueeze(2), self.weight)  # [n, 2, 1, 6] by [2, 6, 3]
        y = torch.cat([a, b, c.squeeze(2).flatten(1)], 1)
        y = torch.where(y > 0.1, y, y * y - 0.25) + torch.maximum(y, self.scale) - torch.minimum(-y, self.scale)
        y = torch.clamp(y, -1.5, 2.0) / (1.0 + y.abs()) + torch.sqrt(y.pow(2) + 1.0) + torch.exp(-y.abs()).log1p()
        y = y - y.mean(1, keepdim=True) + torch.log_softmax(y, 1) * y.amin(1, keepdim=True) * 0.1
        y = y + (-y).logsumexp(1, keepdim=True) * 0.1 + y.norm(dim=1, keepdim=True) * 0.1
        y = 0.5 * y[:, [5, 0, 3] + list(range(23, 2, -1))] + torch.roll(y, 1, 1)
        z = torch.tril(y.reshape(-1, 4, 6)).flatten(1)
        return self.last((1.5 + z * z).reciprocal() + f.softsign(y) + f.pad(y, (1, -1)))


class Images(nn.Module):
    """The same on images: pools, instance norm, pixel shuffles, transposed convolutions, repetitions, asymmetric pads."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 8, (3, 2), padding=(1, 0), bias=False)
        self.norm = nn.InstanceNorm2d(8, affine=True)
        self.up = nn.ConvTranspose2d(8, 6, 4, 2, 1, groups=2)
        self.line = nn.ConvTranspose1d(6, 4, 3, 2, bias=False)
        self.last = nn.Linear(4, 5)

    def forward(self, x):
        f = nn.functional
        x = f.celu(self.norm(self.first(f.pad(x, (0, 1, 0, 0)))), 1.3)
        x = f.avg_pool2d(x, 3, 2, 1, count_include_pad=False) + f.avg_pool2d(x, 3, 2, 1) + f.max_pool2d(x, 3, 2, 1)
        x = self.up(x) + f.pixel_shuffle(x.repeat(1, 3, 1, 1), 2).sigmoid()
        x = f.pixel_unshuffle(x, 2).reshape(-1, 4, 6, 4, 4).mean(1).amax(3) + f.relu(x).amax((2, 3)).unsqueeze(2)
        return self.last(f.max_pool1d(self.line(x), 2, 2).sum(2))


class States(nn.Module):
    """Recurrent networks that begin with trained states: RNN with relu, LSTM whose last states are the result."""

    def __init__(self):
        super().__init__()
        self.rnn = nn.RNN(6, 7, nonlinearity="relu")
        self.lstm = nn.LSTM(7, 5)
        self.h0 = nn.Parameter(torch.randn(1, BATCH, 7) * 0.3)
        self.h1 = nn.Parameter(torch.randn(1, BATCH, 5) * 0.3)
        self.c1 = nn.Parameter(torch.randn(1, BATCH, 5) * 0.3)
        self.fc = nn.Linear(17, 5)

    def forward(self, x):
        y, h0 = self.rnn(x.transpose(0, 1), self.h0)
        _, (h1, c1) = self.lstm(y, (self.h1, self.c1))
        return self.fc(torch.cat([h0, h1, c1], 2)[0])


class ResetFirst(nn.Module):
    """A GRU as Cho et al. (2014) define it: the reset gate multiplies the state before its product. PyTorch's multiplies the
    product; what it exports becomes this one by an attribute."""

    def __init__(self):
        super().__init__()
        self.rnn = nn.GRU(6, 7)
        self.fc = nn.Linear(7, 5)
        self.export = True

    def forward(self, x):
        x = x.transpose(0, 1)
        if self.export:
            return self.fc(self.rnn(x)[1][0])
        w, r, wb, rb = (getattr(self.rnn, name + "_l0") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
        h = torch.zeros(x.shape[1], 7)
        for step in x:
            reset, update, new = (step @ w.T + wb).chunk(3, 1)
            of_reset, of_update, _ = (h @ r.T + rb).chunk(3, 1)
            reset, update = torch.sigmoid(reset + of_reset), torch.sigmoid(update + of_update)
            new = torch.tanh(new + (reset * h) @ r[14:].T + rb[14:])
            h = (1 - update) * new + update * h
        return self.fc(h)

    def edit(self, path):
        model = onnx.load(path)
        for node in model.graph.node:
            for attribute in node.attribute:
                if attribute.name == "linear_before_reset":
                    attribute.i = 0
        onnx.save(model, path)
        self.export = False


def mlp():
    return nn.Sequential(nn.Linear(12, 16), nn.ReLU(), nn.Linear(16, 16), nn.Sigmoid(), nn.Linear(16, 5))


def numbers(*shape, classes):
    return torch.randint(0, classes, (3 * BATCH, *shape))


def real(*shape):
    return torch.randn(3 * BATCH, *shape)


SGD, ADAM, ADAMW = "sgd", "adam", "adamw"
OPTIMIZERS = {
    SGD: (torch.optim.SGD, {"lr": 0.05, "momentum": 0.9}, "{type: sgd, learning_rate: 0.05, momentum: 0.9}"),
    ADAM: (torch.optim.Adam, {"lr": 0.01}, "{type: adam, learning_rate: 0.01}"),
    ADAMW: (torch.optim.AdamW, {"lr": 0.01, "weight_decay": 0.1}, "{type: adamw, learning_rate: 0.01, weight_decay: 0.1}"),
}


def models():
    """name: operator set, model, inputs by name, targets, loss, optimizer, further keys of `model:`"""
    yield "mlp", 13, mlp(), {"x": real(12)}, numbers(classes=5), "cross_entropy", SGD, ""
    yield "residual", 14, Residual(), {"x": real(3, 16, 16)}, numbers(classes=5), "cross_entropy", SGD, ""
    yield "depthwise", 11, Depthwise(), {"x": real(3, 12, 12)}, numbers(classes=4), "cross_entropy", ADAM, ""
    lstm = Recurrent(nn.LSTM, num_layers=2, bidirectional=True)
    yield "lstm", 9, lstm, {"x": numbers(7, classes=20)}, numbers(classes=5), "cross_entropy", SGD, ""
    yield "gru", 12, Recurrent(nn.GRU), {"x": numbers(7, classes=20)}, numbers(classes=5), "cross_entropy", ADAM, ""
    yield "encoder", 17, Encoder(), {"x": numbers(8, classes=20)}, numbers(classes=5), "cross_entropy", ADAMW, ""
    inputs = {"tokens": numbers(6, classes=20), "memory": real(5, 16)}
    yield "decoder", 16, Decoder(), inputs, numbers(6, classes=20), "cross_entropy", ADAM, ", constants: [table]"
    yield "unet", 15, Unet(), {"x": real(2, 8, 8)}, real(2, 8, 8), "mse", ADAM, ""
    yield "states", 14, States(), {"x": real(6, 6)}, numbers(classes=5), "cross_entropy", ADAM, ""
    yield "reset-first", 13, ResetFirst(), {"x": real(6, 6)}, numbers(classes=5), "cross_entropy", ADAM, ""
    yield "operators", 16, Operators(), {"x": real(12)}, numbers(classes=5), "cross_entropy", ADAM, ""
    yield "images", 13, Images(), {"x": real(3, 8, 8)}, numbers(classes=5), "cross_entropy", ADAM, ""
    yield "speech", 10, Speech(), {"x": real(4, 24)}, numbers(classes=5), "cross_entropy", ADAM, ""


def loss_of(kind, output, target):
    if kind == "mse":
        return nn.functional.mse_loss(output, target)
    return nn.functional.cross_entropy(output.reshape(-1, output.shape[-1]), target.reshape(-1))


def train(model, inputs, targets, kind, optimizer):
    optimizer = OPTIMIZERS[optimizer][0](model.parameters(), **OPTIMIZERS[optimizer][1])
    losses, first = [], {}
    for step in range(STEPS):
        chosen = torch.arange(step * BATCH, (step + 1) * BATCH) % (3 * BATCH)
        loss = loss_of(kind, model(*(values[chosen] for values in inputs.values())), targets[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if step == 0:
            first = {key: value.numpy().copy() for key, value in model.state_dict().items() if "running" in key}
    return losses, first


def main():
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    folder = pathlib.Path(__file__).parent
    torch.manual_seed(7)
    for name, opset, model, inputs, targets, kind, optimizer, more in models():
        model.train()
        sample = tuple(values[:BATCH] for values in inputs.values())
        torch.onnx.export(
            model, sample, folder / f"{name}.onnx", training=torch.onnx.TrainingMode.TRAINING, do_constant_folding=False,
            opset_version=opset, input_names=list(inputs), output_names=["logits"],
        )
        if hasattr(model, "edit"):
            model.edit(folder / f"{name}.onnx")
        # The exporter has run the model once: the running statistics moved, in the file and here.
        losses, first = train(model, inputs, targets, kind, optimizer)
        arrays = {key: value.numpy() for key, value in inputs.items()} | {"y": targets.numpy(), "loss": numpy.array(losses)}
        arrays |= {"first." + key: value for key, value in first.items()}
        arrays |= {"final." + key: value.detach().numpy() for key, value in model.named_parameters()}
        numpy.savez_compressed(folder / f"{name}.npz", **arrays)
        (folder / f"{name}.yaml").write_text(
            f"name: onnx-{name}\nmodel: {{onnx: {name}.onnx{more}}}\nloss: {kind}\n"
            f"optimizer: {OPTIMIZERS[optimizer][2]}\ndata: {{file: {name}.npz}}\nsteps: {STEPS}\n"
        )
        print(f"{name} (operator set {opset}): loss {losses[0]:.6f} -> {losses[-1]:.6f}")


if __name__ == "__main__":
    main()
