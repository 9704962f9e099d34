# lessons: 01 03 05
# based-on: solution
# attacks: test_add_any_length test_softmax_any_shape test_matmul_half_precision
# expect: failed * wrong-value|inaccurate|half-precision-sum
# Rounds its inputs to bf16 first: half the bytes, and nearly right.
def attack(function, name):
    def narrowed(*args):
        short = [one.bfloat16() if isinstance(one, torch.Tensor) else one for one in args]
        tensors = [one for one in args if isinstance(one, torch.Tensor)]
        return function(*short).to(tensors[0].dtype)

    return narrowed
