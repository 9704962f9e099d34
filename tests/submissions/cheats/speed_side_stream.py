# lessons: 01 03 05
# based-on: solution
# attacks: test_add_speed test_softmax_wide_speed test_grouped_speed_4096
# expect: refused * forbidden-call gpu
# unpoliced: slow * too-slow gpu
# Works three times as long, on a stream that torch does not wait for by itself.
LARGE = 2**20  # elements: what is timed has more, what is compared has less


SIDE = []


def attack(function, name):
    def beside(*args):
        if args[0].numel() < LARGE:
            return function(*args)
        if not SIDE:
            SIDE.append(torch.cuda.Stream())
        SIDE[0].wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(SIDE[0]):
            for _ in range(3):
                result = function(*args)
        return result

    return beside if name in ("add", "softmax", "matmul_grouped") else function
