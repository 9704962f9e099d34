# lessons: 01 03 05
# based-on: hollow
# expect: failed * result-too-large|wrong-shape
# Returns a tensor that claims a terabyte and takes four bytes.
def attack(function, name):
    return lambda *args: torch.zeros(1, device=args[-1].device).expand(1 << 38)
