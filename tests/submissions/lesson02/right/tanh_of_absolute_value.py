# expect: passed
# based-on: solution
# tanh from exp(-2|u|), which never overflows, with the sign put back; what is dropped is
# not even loaded; the backward pass launches the kernel itself.
@triton.jit
def gelu_tanh(v):
    u = 0.7978845608028654 * (v + 0.044715 * v * v * v)
    power = tl.exp(-2.0 * tl.abs(u))
    tanh = (1.0 - power) / (1.0 + power)
    return 0.5 * v * (1.0 + tl.where(u < 0, -tanh, tanh))


# A new seed in every step of a training loop must not compile a new kernel.
@triton.jit(do_not_specialize=["seed"])
def dropout_kernel(y_ptr, x_ptr, p, scale, seed, n, BLOCK: tl.constexpr):
    start = tl.program_id(0).to(tl.int64) * BLOCK
    offsets = start + tl.arange(0, BLOCK)  # [BLOCK]
    mask = offsets < n
    keep = tl.rand(seed, offsets) >= p  # [BLOCK]
    x = tl.load(x_ptr + offsets, mask=mask & keep, other=0.0).to(tl.float32)
    # A choice and not a product: 0 * inf would be NaN.
    tl.store(y_ptr + offsets, scale * x, mask=mask)  # 4 more


def dropout_scale_backward(dy: torch.Tensor, p: float, seed: int) -> torch.Tensor:
    dx = torch.empty_like(dy)
    n = dx.numel()
    if n == 0:
        return dx
    scale = 1.0 / (1.0 - p) if p < 1 else 0.0
    grid = (triton.cdiv(n, BLOCK),)
    dropout_kernel[grid](dx, dy, float(p), scale, seed, n, BLOCK=BLOCK)
    return dx
