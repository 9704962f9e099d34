# expect: failed test_grouped_any_size not-written
# based-on: solution
# grouped_tile takes the last group for a full one: tiles below the matrix, others left out.
@triton.jit
def grouped_tile(number, tiles_m, tiles_n, GROUP_M: tl.constexpr):
    first = number // (GROUP_M * tiles_n) * GROUP_M  # first row of tiles of this group
    height = GROUP_M
    within = number % (GROUP_M * tiles_n)
    return first + within % height, within // height
