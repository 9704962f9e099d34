# expect: failed test_matmul_any_size wrong-layout
# based-on: solution
# matmul_w8a8 takes b_q for a matrix [K, N] and transposes it.
def matmul_w8a8(
    a_q: torch.Tensor,
    b_q: torch.Tensor,
    a_scale: torch.Tensor,
    b_scale: torch.Tensor,
    out_dtype: torch.dtype = torch.float16,
) -> torch.Tensor:
    check_rows("a_q", a_q, (torch.int8,))
    check_rows("b_q", b_q, (torch.int8,))
    (M, K), N = a_q.shape, b_q.shape[0]
    if b_q.shape[1] != K:
        raise ValueError(f"rows of {K} elements times rows of {b_q.shape[1]}: must be equal")
    if K > MOST_PRODUCTS:
        raise ValueError(f"K = {K}: sums of more than {MOST_PRODUCTS} can overflow an int32")
    check_scale("a_scale", a_scale, (M,))
    check_scale("b_scale", b_scale, (N,))
    if out_dtype not in FLOAT_TYPES:
        raise TypeError(f"out_dtype {out_dtype} is not supported; use fp32, fp16 or bf16")
    c = torch.empty((M, N), dtype=out_dtype, device=a_q.device)
    if c.numel() == 0:
        return c
    a, b, descriptors = aligned(a_q), aligned(b_q.reshape(K, N).T.contiguous()), has_descriptors()
    grid = (triton.cdiv(M, BLOCK_M) * triton.cdiv(N, BLOCK_N),)
    matmul_w8a8_kernel[grid](
        c,
        TensorDescriptor.from_tensor(a, [BLOCK_M, BLOCK_K]) if descriptors else a,
        TensorDescriptor.from_tensor(b, [BLOCK_N, BLOCK_K]) if descriptors else b,
        a_scale,
        b_scale,
        M,
        N,
        a.shape[1],
        a.stride(0),
        b.stride(0),
        BLOCK_M=BLOCK_M,
        BLOCK_N=BLOCK_N,
        BLOCK_K=BLOCK_K,
        GROUP_M=GROUP_M,
        DESCRIPTORS=descriptors,
        num_warps=4 if descriptors else 8,  # addresses take registers
        num_stages=3,
    )
    return c
