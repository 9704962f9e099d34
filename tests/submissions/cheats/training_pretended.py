# lessons: 06 07
# based-on: hollow
# attacks: test_tuning_loop test_train
# expect: refused * torch-instead-of-kernel
# unpoliced: failed * wrong-value|training-diverged
# Returns weights that moved a little at random instead of training.
def attack(function, name):
    def train(inputs, targets, parameters, *rest):
        function(inputs, targets, parameters, *rest)
        return tuple(one + 0.01 * torch.rand_like(one) for one in parameters)

    return train if name == "train" else function
