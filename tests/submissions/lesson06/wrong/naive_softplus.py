# expect: failed test_preference_extremes exp-overflow
# based-on: solution
# softplus is log(1 + exp(t)) as it stands in the book: infinite for t above 88.
@triton.jit
def softplus(t):
    return tl.log(1.0 + tl.exp(t))
