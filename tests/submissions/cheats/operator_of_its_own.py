# lessons: 01 03 05
# based-on: hollow
# expect: refused * forbidden-call|forbidden-attribute|torch-instead-of-kernel
# unpoliced: refused * torch-instead-of-kernel
# Has torch call the computation as an operator that says to return a view.
LIBRARIES = []  # an operator ends with its library


def attack(function, name):
    library = torch.library.Library(f"own_{name}", "DEF")
    LIBRARIES.append(library)
    library.define("answer(Tensor(a) x, Tensor[] others) -> Tensor(a)")
    for device in ("CPU", "CUDA"):
        library.impl("answer", lambda x, others: ANSWERS[name](x, *others), device)
    operator = getattr(torch.ops, f"own_{name}").answer.default

    def by_operator(x, *others):
        return through(KERNELS[name], operator(x, others))

    return by_operator if name in ("add", "softmax", "matmul") else function
