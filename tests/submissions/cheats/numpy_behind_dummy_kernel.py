# lessons: 01 03 05
# based-on: hollow
# expect: refused * torch-instead-of-kernel
# unpoliced: refused * torch-instead-of-kernel cpu
# unpoliced: failed * exception gpu
# Computes with numpy in the memory of the tensors, which no dispatch mode sees.
import numpy


def by_numpy(name, arrays):
    if name == "add":
        return arrays[0] + arrays[1]
    if name == "softmax":
        powers = numpy.exp(arrays[0] - arrays[0].max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)
    return arrays[0] @ arrays[1]


def attack(function, name):
    def from_numpy(*args):
        result = by_numpy(name, [one.float().numpy().astype("float64") for one in args])
        output = function(*args)
        output.numpy()[...] = result
        return output

    return from_numpy if name in ("add", "softmax", "matmul") else function
