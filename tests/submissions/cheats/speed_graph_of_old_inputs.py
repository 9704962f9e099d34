# lessons: 01 03 05
# based-on: solution
# attacks: test_add_speed test_softmax_wide_speed test_grouped_speed_4096
# expect: refused * forbidden-call gpu
# unpoliced: refused * recycled-output gpu
# Captures a CUDA graph of the first call and replays it: the inputs of then, the output of then.
LARGE = 2**20  # elements: what is timed has more, what is compared has less


GRAPHS = {}


def attack(function, name):
    def replayed(*args):
        if args[0].numel() < LARGE:
            return function(*args)
        if name not in GRAPHS:
            function(*args)
            torch.cuda.synchronize()
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                output = function(*args)
            GRAPHS[name] = graph, output
        graph, output = GRAPHS[name]
        graph.replay()
        return output

    return replayed if name in ("add", "softmax", "matmul_grouped") else function
