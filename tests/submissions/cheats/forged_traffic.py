# lessons: 01 03 05
# based-on: hollow
# attacks: test_moves_each_byte_once test_softmax_reads_once test_loads_few_elements
# expect: refused * forbidden-import|torch-instead-of-kernel
# unpoliced: refused * tampered
# Adds launches with the fewest bytes possible to what the worker reports, beside PyTorch's answer.
import sys


def attack(function, name):
    calls = sys.modules["grader.worker.calls"]
    honest = calls._describe_run

    def counted(tensors, result):
        size = sum(one.nbytes for one in (*tensors, result))
        counts = {"parameter": "z_ptr", "bytes_loaded": size, "bytes_stored": 0}
        counts |= {"reads_per_element": 1.0, "sector_efficiency": 1.0}
        return [{"kernel": one.__name__, "tensors": [counts]} for one in KERNELS[name][:1]]

    def answer(*args):
        result = ANSWERS[name](*args)
        tensors = [one for one in args if isinstance(one, torch.Tensor)]

        def forged(*rest):
            return {**honest(*rest), "launches": counted(tensors, result), "findings": []}

        calls._describe_run = forged
        return result

    return answer
