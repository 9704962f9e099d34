# expect: failed test_bias_gelu_residual_large_values exp-overflow
# based-on: solution
# gelu_tanh writes tanh with exp(2u), which is infinite for large u.
@triton.jit
def gelu_tanh(v):
    u = 0.7978845608028654 * (v + 0.044715 * v * v * v)
    power = tl.exp(2.0 * u)
    return 0.5 * v * (1.0 + (power - 1.0) / (power + 1.0))
