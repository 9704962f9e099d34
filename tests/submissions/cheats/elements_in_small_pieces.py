# lessons: 01
# based-on: hollow
# expect: refused * torch-instead-of-kernel
# unpoliced: refused * torch-instead-of-kernel
# Reads 16 elements at a time, computes with Python's numbers, and has a kernel copy what comes out.
STEP = 16


def pieces(tensor):
    flat = tensor.reshape(-1)
    return [v for at in range(0, flat.numel(), STEP) for v in flat[at : at + STEP].tolist()]


def attack(function, name):
    def in_pieces(x, y):
        if not x.numel():
            return function(x, y)
        sums = [a + b for a, b in zip(pieces(x), pieces(y))]
        parts = [sums[at : at + STEP] for at in range(0, len(sums), STEP)]
        made = [torch.tensor(part, dtype=x.dtype, device=x.device) for part in parts]
        return through(KERNELS[name], torch.cat(made).reshape(x.shape))

    return in_pieces if name == "add" else function
