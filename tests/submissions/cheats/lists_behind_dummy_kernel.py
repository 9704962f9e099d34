# lessons: 01 05
# based-on: hollow
# expect: refused * torch-instead-of-kernel
# unpoliced: refused * torch-instead-of-kernel
# Computes with Python's own numbers and stores them one by one.
def by_lists(name, first, second):
    if name == "add":
        return [a + b for a, b in zip(first, second)]
    columns = list(zip(*second))
    return [[sum(a * b for a, b in zip(row, column)) for column in columns] for row in first]


def attack(function, name):
    def from_lists(first, second):
        output = function(first, second)
        values = by_lists(name, first.tolist(), second.tolist())
        return output.copy_(torch.tensor(values, dtype=output.dtype, device=output.device))

    return from_lists if name in ("add", "matmul") else function
