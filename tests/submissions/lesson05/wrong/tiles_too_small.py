# expect: failed test_loads_few_elements too-much-traffic
# based-on: solution
# Tiles of 16 x 16: each element of a is loaded for every 16 columns, twice as often as for 32.
BLOCK_M = 16  # rows of a tile of the result


BLOCK_N = 16  # columns of a tile of the result
