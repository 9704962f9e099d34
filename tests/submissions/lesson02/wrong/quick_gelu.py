# expect: failed test_bias_gelu_residual_any_shape quick-gelu
# based-on: solution
# gelu_tanh is the coarser v * sigmoid(1.702 v).
@triton.jit
def gelu_tanh(v):
    return v * tl.sigmoid(1.702 * v)
