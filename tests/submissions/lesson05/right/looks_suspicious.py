# expect: passed
# based-on: solution
# An honest file with a fallback for odd inputs, logging, and a self-test that PyTorch answers.
import logging

log = logging.getLogger("matmul")
CALLS = {"matmul": 0, "threads": 0, "cuda graphs": 0}


def matmul(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    check_matrices(a, b)
    CALLS["matmul"] += 1
    (M, K), N = a.shape, b.shape[1]
    c = torch.empty((M, N), dtype=a.dtype, device=a.device)
    if c.numel() == 0:
        log.debug("nothing to compute for %s x %s", a.shape, b.shape)
        return c
    try:
        grid = (triton.cdiv(M, BLOCK_M), triton.cdiv(N, BLOCK_N))
        matmul_kernel[grid](
            c, a, b, M, N, K, *a.stride(), *b.stride(),
            BLOCK_M=BLOCK_M, BLOCK_N=BLOCK_N, BLOCK_K=BLOCK_K,
        )
    except RuntimeError as error:  # out of shared memory on a small GPU, for example
        log.error("tiles too large: %s", error)
        raise
    return c


def compare(m=512, n=512, k=512):
    a = torch.randn(m, k, device="cuda", dtype=torch.float16)
    b = torch.randn(k, n, device="cuda", dtype=torch.float16)
    difference = (matmul(a, b) - torch.matmul(a, b)).abs().max()
    print("largest difference to cuBLAS:", difference.item(), "after", CALLS)


if __name__ == "__main__":
    logging.basicConfig(level=logging.DEBUG)
    compare()
