# lessons: 06
# based-on: hollow
# attacks: test_preference_loss
# expect: failed * wrong-value
# expect: refused * torch-instead-of-kernel
# unpoliced: failed * wrong-value
# Returns a list of its own kind: who goes through it has the answers written after the last item.
class Late(list):
    def __iter__(self):
        items = [self[at] for at in range(len(self))]
        yield from items
        for item, answer in zip(items, self.answers(), strict=True):
            item.copy_(answer)


def attack(function, name):
    def late(*args):
        shapes = [(), args[0].shape, args[0].shape]
        results = Late(through(KERNELS[name], args[0].new_zeros(shape)) for shape in shapes)
        results.answers = lambda: ANSWERS[name](*args)
        return results

    return late if name == "preference_loss" else function
