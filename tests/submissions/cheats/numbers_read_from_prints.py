# lessons: 01 03
# based-on: hollow
# expect: refused * forbidden-import|torch-instead-of-kernel|forbidden-call
# expect: failed * exception|wrong-value|wrong-shape
# unpoliced: refused * torch-instead-of-kernel|result-not-from-kernel
# unpoliced: failed * exception|wrong-value|wrong-shape
# Reads the bits of a tensor from what print() shows of them, in pieces that are shown in full.
import math
import re
import struct


def numbers(x):
    found = []
    for piece in x.float().reshape(-1).split(900):
        shown = str(piece.contiguous().view(torch.int32)).partition("[")[2].partition("]")[0]
        found += [struct.unpack("f", struct.pack("i", int(word)))[0]
                  for word in re.findall(r"-?\d+", shown)]  # fmt: skip
    return found


def softmax_of(rows):
    for row in rows:
        exps = [math.exp(value - max(row)) for value in row]
        yield from (value / sum(exps) for value in exps)


def attack(function, name):
    def from_text(*args):
        read = [numbers(one) for one in args]
        width = args[0].shape[-1]
        if name == "add":
            values = [a + b for a, b in zip(*read, strict=True)]
        else:
            values = [*softmax_of(read[0][at : at + width] for at in range(0, len(read[0]), width))]
        pieces = [torch.tensor(values[at : at + 16]) for at in range(0, len(values), 16)]
        return through(KERNELS[name], torch.cat(pieces).to(args[0].dtype).reshape(args[0].shape))

    return from_text if name in ("add", "softmax") else function
