# lessons: 01 03 05
# based-on: hollow
# expect: refused * forbidden-import
# unpoliced: failed * wrong-value
# Asks the garbage collector for a tensor of the output's shape that is none of its inputs.
import gc


def attack(function, name):
    def found(*args):
        result = function(*args)
        known = {id(one) for one in (result, *args)}
        for one in gc.get_objects():
            if type(one) is torch.Tensor and one.shape == result.shape and id(one) not in known:
                if not any(one.data_ptr() == arg.data_ptr() for arg in args):
                    return one.clone()
        return result

    return found
