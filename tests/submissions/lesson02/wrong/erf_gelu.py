# expect: failed test_bias_gelu_residual_any_shape erf-gelu
# based-on: solution
# gelu_tanh uses the error function: the other GELU.
@triton.jit
def gelu_tanh(v):
    return 0.5 * v * (1.0 + tl.erf(v * 0.7071067811865476))
