# expect: failed test_grouped_any_size columns-not-written
# based-on: solution
# grouped_tile divides by GROUP_M alone: each group is taken for a single column of tiles.
@triton.jit
def grouped_tile(number, tiles_m, tiles_n, GROUP_M: tl.constexpr):
    first = number // GROUP_M * GROUP_M  # first row of tiles of this group
    height = max(min(tiles_m - first, GROUP_M), 1)
    within = number % (GROUP_M * tiles_n)
    return first + within % height, within // height
