"""Minis of configs/workloads as torch.nn modules whose state-dict names are those of the workload. Used by make.py."""

import numpy
import torch
from torch import nn
from torch.nn import functional


class Module(nn.Module):
    """What make.py trains. Initial parameters are torch.nn's defaults."""

    steps = 20
    frozen = ()  # names of parts that are not trained

    def __init__(self, generator):
        super().__init__()
        self.random = generator
        torch.manual_seed(int(generator.integers(1 << 31)))

    def all_parameters(self):
        for part in self.frozen:
            getattr(self, part).requires_grad_(False)
        return dict(self.named_parameters())

    def real(self, *shape):
        return self.random.standard_normal(shape).astype(numpy.float32)

    def whole(self, low, high, *shape):
        return self.random.integers(low, high, shape).astype(numpy.int32)

    def adam(self, parameters, rate, betas=(0.9, 0.999), epsilon=1e-8):
        return torch.optim.Adam(parameters, lr=rate, betas=betas, eps=epsilon)


def separable(inputs, outputs, stride):
    return nn.Sequential(
        nn.Conv2d(inputs, inputs, 3, stride, 1, groups=inputs, bias=False), nn.BatchNorm2d(inputs), nn.ReLU(),
        nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU())  # fmt: skip


class MobileNet(Module):
    name = "mobilenet-v1-mini"

    def __init__(self, generator):
        super().__init__(generator)
        first = nn.Sequential(nn.Conv2d(3, 8, 3, 1, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        self.model = nn.Sequential(first, separable(8, 16, 1), separable(16, 32, 2))
        self.fc = nn.Linear(32, 10)

    def data(self):
        return {"x": self.real(8, 3, 8, 8), "y": self.whole(0, 10, 8)}

    def loss(self, data):
        return functional.cross_entropy(self.fc(self.model(data["x"]).mean((2, 3))), data["y"].long())

    def optimizer(self, parameters):
        return torch.optim.SGD(parameters, lr=0.1, momentum=0.9, weight_decay=4e-5)


class Generator(Module):
    name = "dcgan-generator-mini"
    frozen = ("discriminator",)

    def __init__(self, generator):
        super().__init__(generator)
        self.generator = nn.Sequential(
            nn.ConvTranspose2d(8, 8, 4, bias=False), nn.BatchNorm2d(8), nn.ReLU(),
            nn.ConvTranspose2d(8, 4, 4, 2, 1, bias=False), nn.BatchNorm2d(4), nn.ReLU(),
            nn.ConvTranspose2d(4, 3, 4, 2, 1, bias=False), nn.Tanh())  # fmt: skip
        self.discriminator = nn.Sequential(
            nn.Conv2d(3, 4, 4, 2, 1, bias=False), nn.LeakyReLU(0.2),
            nn.Conv2d(4, 8, 4, 2, 1, bias=False), nn.BatchNorm2d(8), nn.LeakyReLU(0.2),
            nn.Conv2d(8, 1, 4, bias=False), nn.Flatten())  # fmt: skip

    def data(self):
        return {"noise": self.real(4, 8, 1, 1)}

    def loss(self, data):
        scores = self.discriminator(self.generator(data["noise"]))
        return functional.binary_cross_entropy_with_logits(scores, torch.ones(4, 1))

    def optimizer(self, parameters):
        return self.adam(parameters, 0.02, (0.5, 0.999))


class GptLayer(nn.Module):
    def __init__(self):
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(16), nn.LayerNorm(16)
        self.attn = nn.MultiheadAttention(16, 2, batch_first=True)
        self.mlp = nn.ModuleDict({"c_fc": nn.Linear(16, 64), "c_proj": nn.Linear(64, 16)})

    def forward(self, x):
        y = self.ln_1(x)
        later = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).triu(1)
        x = x + self.attn(y, y, y, attn_mask=later, need_weights=False)[0]
        return x + self.mlp.c_proj(functional.gelu(self.mlp.c_fc(self.ln_2(x)), approximate="tanh"))


class Gpt(Module):
    name = "gpt-2-mini"

    def __init__(self, generator):
        super().__init__(generator)
        self.wte, self.wpe = nn.Embedding(32, 16), nn.Embedding(8, 16)
        self.h = nn.ModuleList([GptLayer(), GptLayer()])
        self.ln_f = nn.LayerNorm(16)

    def data(self):
        return {"tokens": self.whole(0, 32, 4, 8), "y": self.whole(0, 32, 4, 8)}

    def loss(self, data):
        x = self.wte(data["tokens"].long()) + self.wpe.weight
        for layer in self.h:
            x = layer(x)
        logits = self.ln_f(x) @ self.wte.weight.T
        return functional.cross_entropy(logits.reshape(-1, 32), data["y"].long().reshape(-1))

    def optimizer(self, parameters):
        return torch.optim.AdamW(parameters, lr=0.01, weight_decay=0.01)


def sines(length, width):
    """The paper's positional encoding."""
    angle = numpy.arange(length)[:, None] / 10000 ** (numpy.arange(width)[None, :] // 2 * 2 / width)
    values = numpy.where(numpy.arange(width) % 2 == 0, numpy.sin(angle), numpy.cos(angle))
    return torch.from_numpy(values.astype(numpy.float32))


class Transformer(Module):
    name = "transformer-mini"

    def __init__(self, generator):
        super().__init__(generator)
        how = {"dim_feedforward": 32, "dropout": 0.0, "batch_first": True}
        self.embedding = nn.Embedding(32, 16)
        self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 2, **how), 1)
        self.decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(16, 2, **how), 1)

    def data(self):
        return {"source": self.whole(0, 32, 4, 6), "target": self.whole(0, 32, 4, 6), "y": self.whole(0, 32, 4, 6)}

    def loss(self, data):
        memory = self.encoder(4 * self.embedding(data["source"].long()) + sines(6, 16))
        target = 4 * self.embedding(data["target"].long()) + sines(6, 16)
        later = nn.Transformer.generate_square_subsequent_mask(6)
        logits = self.decoder(target, memory, tgt_mask=later) @ self.embedding.weight.T
        return functional.cross_entropy(logits.reshape(-1, 32), data["y"].long().reshape(-1))

    def optimizer(self, parameters):
        return self.adam(parameters, 0.01, (0.9, 0.98), 1e-9)


class Recurrent(nn.Module):
    """A bidirectional GRU whose directions are added, behind batch norm or not."""

    def __init__(self, inputs, hidden, normalised):
        super().__init__()
        self.batch_norm = nn.BatchNorm1d(inputs) if normalised else None
        self.rnn = nn.GRU(inputs, hidden, batch_first=True, bidirectional=True, bias=False)

    def forward(self, x):
        if self.batch_norm is not None:
            x = self.batch_norm(x.reshape(-1, x.shape[2])).reshape(x.shape)
        forward, backward = self.rnn(x)[0].chunk(2, 2)
        return forward + backward


class DeepSpeech(Module):
    name = "deepspeech-2-mini"

    def __init__(self, generator):
        super().__init__(generator)
        self.conv = nn.Sequential(
            nn.Conv2d(1, 4, (5, 3), (2, 2)), nn.BatchNorm2d(4), nn.Hardtanh(0, 20),
            nn.Conv2d(4, 4, (3, 3), (2, 1)), nn.BatchNorm2d(4), nn.Hardtanh(0, 20))  # fmt: skip
        self.rnns = nn.Sequential(Recurrent(8, 8, False), Recurrent(8, 8, True))
        self.fc = nn.Sequential(nn.BatchNorm1d(8), nn.Linear(8, 6, bias=False))

    def data(self):
        return {"x": self.real(2, 1, 16, 24), "y": self.whole(1, 6, 2, 3)}

    def loss(self, data):
        x = self.conv(data["x"]).permute(0, 3, 1, 2).flatten(2)
        x = self.rnns(x)
        logits = self.fc(x.reshape(-1, 8)).reshape(2, 9, 6)
        lengths = torch.full((2,), 9), torch.full((2,), 3)
        return functional.ctc_loss(logits.log_softmax(2).transpose(0, 1), data["y"].long(), *lengths)

    def optimizer(self, parameters):
        return torch.optim.SGD(parameters, lr=0.02, momentum=0.9, nesterov=True, weight_decay=1e-5)


class Residual(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(4, inputs, 1e-6), nn.GroupNorm(4, outputs, 1e-6)
        self.conv1, self.conv2 = nn.Conv2d(inputs, outputs, 3, 1, 1), nn.Conv2d(outputs, outputs, 3, 1, 1)
        self.time_projection = nn.Linear(32, outputs)
        self.shortcut = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, x, time):
        y = self.conv1(functional.silu(self.norm1(x))) + self.time_projection(time)[:, :, None, None]
        return self.conv2(functional.silu(self.norm2(y))) + self.shortcut(x)


class PixelAttention(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.norm = nn.GroupNorm(4, channels, 1e-6)
        self.attention = nn.MultiheadAttention(channels, 1, batch_first=True)

    def forward(self, x):
        y = self.norm(x).flatten(2).transpose(1, 2)
        return x + self.attention(y, y, y, need_weights=False)[0].transpose(1, 2).reshape(x.shape)


def size(**parts):
    """The parts of a U-Net at one size: lists of blocks, or one."""
    return nn.ModuleDict({key: nn.ModuleList(part) if isinstance(part, list) else part for key, part in parts.items()})


class UNet(Module):
    name = "ddpm-unet-mini"

    def __init__(self, generator):
        super().__init__(generator)
        self.time = nn.ModuleDict({"0": nn.Linear(8, 32), "2": nn.Linear(32, 32)})
        self.conv_in = nn.Conv2d(3, 8, 3, 1, 1)
        halved = nn.ModuleDict({"conv": nn.Conv2d(8, 8, 3, 2)})
        twice = nn.ModuleDict({"conv": nn.Conv2d(16, 16, 3, 1, 1)})
        self.down = nn.ModuleList([size(res=[Residual(8, 8)], halved=halved),
                                   size(res=[Residual(8, 16)], attn=[PixelAttention(16)])])
        self.mid = nn.ModuleList([Residual(16, 16), PixelAttention(16), Residual(16, 16)])
        self.up = nn.ModuleList([size(res=[Residual(24, 8), Residual(16, 8)]),
                                 size(res=[Residual(32, 16), Residual(24, 16)], twice=twice,
                                      attn=[PixelAttention(16), PixelAttention(16)])])
        self.norm_out, self.conv_out = nn.GroupNorm(4, 8, 1e-6), nn.Conv2d(8, 3, 3, 1, 1)

    def data(self):
        return {"image": self.real(2, 3, 8, 8), "time_features": self.real(2, 8), "noise": self.real(2, 3, 8, 8)}

    def loss(self, data):
        time = functional.silu(self.time["2"](functional.silu(self.time["0"](data["time_features"]))))
        first = self.conv_in(data["image"])
        large = self.down[0].res[0](first, time)
        smaller = self.down[0].halved.conv(functional.pad(large, (0, 1, 0, 1)))
        small = self.down[1].attn[0](self.down[1].res[0](smaller, time))
        x = self.mid[2](self.mid[1](self.mid[0](small, time)), time)
        x = self.up[1].attn[0](self.up[1].res[0](torch.cat((x, small), 1), time))
        x = self.up[1].attn[1](self.up[1].res[1](torch.cat((x, smaller), 1), time))
        x = self.up[1].twice.conv(functional.interpolate(x, scale_factor=2))
        x = self.up[0].res[0](torch.cat((x, large), 1), time)
        x = self.up[0].res[1](torch.cat((x, first), 1), time)
        return functional.mse_loss(self.conv_out(functional.silu(self.norm_out(x))), data["noise"])

    def optimizer(self, parameters):
        return self.adam(parameters, 0.01)


KINDS = (MobileNet, Generator, Gpt, Transformer, DeepSpeech, UNet)
