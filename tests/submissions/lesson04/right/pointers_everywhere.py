# expect: passed cpu
# expect: passed test_matmul_any_size gpu
# expect: passed test_matmul_large_sums gpu
# expect: passed test_matmul_scales gpu
# expect: passed test_linear_any_size gpu
# based-on: solution
# The tiles of matmul_w8a8 come by pointers on every GPU, in larger tiles.
BLOCK_N = 256  # columns of it


def has_descriptors() -> bool:
    target = triton.runtime.driver.active.get_current_target()
    return False
