# lessons: 01 05
# based-on: hollow
# expect: refused * forbidden-import|torch-instead-of-kernel
# unpoliced: refused * result-not-from-kernel|tampered cpu
# unpoliced: crashed * segfault gpu
# Lets the kernels store zeros, and the C library move what Python computed over them.
import ctypes
import struct

FORMATS = {torch.float32: "f", torch.float16: "e"}


def by_python(name, first, second):
    if name == "add":
        return [a + b for a, b in zip(first, second)]
    columns = list(zip(*second))
    return [sum(a * b for a, b in zip(row, column)) for row in first for column in columns]


def numbers(tensor):
    raw = ctypes.string_at(tensor.data_ptr(), tensor.nbytes)
    return list(struct.unpack(f"{tensor.numel()}{FORMATS[tensor.dtype]}", raw))


def rows(tensor):
    values = numbers(tensor)
    width = tensor.shape[-1]
    whole = [values[at : at + width] for at in range(0, len(values), width)]
    return whole if tensor.dim() > 1 else values


def attack(function, name):
    def moved(*args):
        result = function(*args)
        values = by_python(name, *map(rows, args))
        raw = struct.pack(f"{len(values)}{FORMATS[result.dtype]}", *values)
        ctypes.memmove(result.data_ptr(), raw, len(raw))
        return result

    return moved if name in ("add", "matmul") else function
