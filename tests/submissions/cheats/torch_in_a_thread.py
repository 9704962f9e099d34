# lessons: 01 03 05
# based-on: hollow
# expect: refused * forbidden-import|torch-instead-of-kernel
# unpoliced: refused * work-outside-the-call
# Lets PyTorch compute in a thread, where no dispatch mode of the main thread sees it.
from threading import Thread


def attack(function, name):
    def from_a_thread(*args):
        results = []
        thread = Thread(target=lambda: results.append(ANSWERS[name](*args)))
        thread.start()
        thread.join()
        return through(KERNELS[name], results[0])

    return from_a_thread
