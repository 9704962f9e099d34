# lessons: 01 03 05
# based-on: hollow
# expect: refused * forbidden-call
# unpoliced: refused * result-not-from-kernel cpu
# unpoliced: failed * exception gpu
# Asks for the memory of one element, reads all of it with numpy, and has a kernel copy the result.
import numpy

KERNELS = {"add": "add_kernel", "softmax": "softmax_kernel", "matmul": "matmul_kernel"}


def all_of(x):
    first = x.reshape(-1)[:1].numpy()
    strides = [stride * x.element_size() for stride in x.stride()]
    return numpy.lib.stride_tricks.as_strided(first, x.shape, strides)


def softmax_of(x):
    exps = numpy.exp(x - x.max(-1, keepdims=True))
    return exps / exps.sum(-1, keepdims=True)


CALLED = {"add": numpy.add, "softmax": softmax_of, "matmul": numpy.matmul}


def attack(function, name):
    def by_numpy(*args):
        values = numpy.ascontiguousarray(CALLED[name](*map(all_of, args)))
        made = torch.from_numpy(values.reshape(-1)).view(values.shape)
        return through([globals()[KERNELS[name]]], made)

    return by_numpy if name in CALLED else function
