# expect: failed test_bias_gelu_residual_any_shape exception cpu
# expect: failed test_bias_gelu_residual_any_shape does-not-compile gpu
# based-on: solution
# gelu_tanh calls a function that Triton does not have.
@triton.jit
def gelu_tanh(v):
    u = 0.7978845608028654 * (v + 0.044715 * v * v * v)
    return 0.5 * v * (1.0 + tl.math.tanh(u))
