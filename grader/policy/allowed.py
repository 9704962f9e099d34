"""What every submission may use: lists of names, and nothing that decides.

``docs/rules.md`` says the same to students. A lesson adds to the lists in its ``lesson.toml``.
Names of torch stand without a trailing underscore: ``copy`` is ``x.copy_(y)`` as well.
"""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Modules that may be imported, the modules below them only where they stand here too.
IMPORTS = _words("""
    __future__ abc bisect collections collections.abc contextlib copy dataclasses decimal enum
    fractions functools heapq itertools logging math numbers operator random re statistics string
    struct textwrap time typing typing_extensions warnings numpy
    torch torch.amp torch.autograd torch.autograd.function torch.cuda torch.cuda.amp torch.nn
    torch.nn.functional torch.optim torch.testing torch.utils.benchmark
    triton triton.language triton.language.core triton.language.math triton.language.standard
    triton.language.extra triton.language.extra.libdevice triton.language.extra.cuda
    triton.language.extra.cuda.libdevice triton.language.extra.hip
    triton.language.extra.hip.libdevice triton.runtime triton.runtime.autotuner
    triton.runtime.driver triton.runtime.jit triton.testing triton.tools
    triton.tools.tensor_descriptor
""")

# Names that are modules wherever they come from: each leads out of what a lesson is about.
HIDDEN_MODULES = _words("""
    _thread ast asyncio atexit builtins code codecs concurrent ctypes dis faulthandler gc importlib
    inspect io linecache marshal mmap multiprocessing os pathlib pickle pkgutil posix runpy shutil
    signal site socket subprocess sys sysconfig tempfile threading tokenize traceback weakref
""")

# Functions of Python that a submission does not call.
BUILTINS = _words("""
    __build_class__ __import__ breakpoint compile delattr eval exec exit globals input locals open
    quit setattr vars
""")

# Names with two underscores that a file may read, assign at its top, and reach by a dot.
DUNDER_NAMES = _words("__name__ __doc__ __file__ __debug__ __version__ __all__")
DUNDER_CONSTANTS = _words("""
    __all__ __author__ __copyright__ __credits__ __date__ __doc__ __email__ __license__
    __match_args__ __slots__ __status__ __version__
""")
DUNDER_ATTRIBUTES = _words("""
    __doc__ __name__ __qualname__ __version__ __init__ __post_init__ __enter__ __exit__ __call__
    __repr__ __str__
""")

# Methods with two underscores that a class may define: those of data and of context managers.
DUNDER_METHODS = _words("""
    __init__ __post_init__ __new__ __call__ __repr__ __str__ __format__ __bool__ __hash__ __eq__
    __ne__ __lt__ __le__ __gt__ __ge__ __len__ __iter__ __next__ __reversed__ __contains__
    __getitem__ __setitem__ __missing__ __enter__ __exit__ __add__ __radd__ __iadd__ __sub__
    __rsub__ __mul__ __rmul__ __truediv__ __floordiv__ __mod__ __pow__ __neg__ __abs__ __int__
    __float__ __index__ __round__
""")

# Attributes that lead from a function, a generator or an exception to the frames around it.
FRAMES = _words("""
    f_back f_builtins f_code f_globals f_locals gi_code gi_frame cr_code cr_frame ag_code ag_frame
    tb_frame tb_next co_code co_consts func_globals mro
""")

# Attributes of tensors and kernels by which something is called that no line of the call shows, or
# that only the interpreter has.
HOOKS = _words("""
    add_pre_run_hook pre_run_hooks raw_src register_hook register_multi_grad_hook
    register_post_accumulate_grad_hook register_prehook register_saved_tensors_hooks
    set_printoptions handle
""")

# Attributes of a kernel that run it as a function of Python.
BARE_KERNEL = _words("fn run")

# Methods that compute and that Triton's tensors have as well: in a kernel they are Triton's.
KERNEL_METHODS = _words("""
    abs argmax argmin ceil cos cumprod cumsum erf exp exp2 floor gather log log2 logical_and
    logical_or max min rsqrt sigmoid sin softmax sqrt sum
""")

# Types, constants and other values of torch; what is below them is theirs.
TYPES = _words("""
    Tensor Size device dtype layout memory_format finfo iinfo Generator float64 double float32 float
    float16 half bfloat16 float8_e4m3fn float8_e4m3fnuz float8_e5m2 float8_e5m2fnuz float8_e8m0fnu
    int64 long int32 int int16 short int8 uint8 uint16 uint32 uint64 bool complex64 complex128
    strided contiguous_format preserve_format channels_last inf nan pi e version __version__
    FloatTensor DoubleTensor HalfTensor BFloat16Tensor LongTensor IntTensor ShortTensor CharTensor
    ByteTensor BoolTensor nn.Module nn.Parameter nn.parameter.Parameter types.Device
""")
_CREATION = _words("""
    empty empty_like empty_strided zeros zeros_like ones ones_like full full_like tensor as_tensor
    scalar_tensor arange new_empty new_empty_strided new_zeros new_ones new_full new_tensor
""")
_VIEWS = _words("""
    view view_as reshape reshape_as flatten unflatten ravel t transpose swapaxes swapdims permute
    movedim moveaxis squeeze unsqueeze expand expand_as broadcast_to broadcast_tensors narrow
    select slice split chunk unbind tensor_split hsplit vsplit dsplit as_strided unfold
    diagonal adjoint atleast_1d atleast_2d atleast_3d view_as_real view_as_complex
""")
_COPIES = _words("""
    clone contiguous copy to type type_as cuda detach zero fill cat concat concatenate stack hstack
    vstack pad constant_pad_nd repeat tile flip roll byte char item lift_fresh
""")
_BOOKKEEPING = _words("""
    autograd.Function autograd.function.Function autograd.function.FunctionCtx
    autograd.function.once_differentiable no_grad enable_grad inference_mode set_grad_enabled
    is_grad_enabled amp.custom_fwd amp.custom_bwd cuda.amp.custom_fwd cuda.amp.custom_bwd
    requires_grad backward
""")
_QUESTIONS = _words("""
    is_tensor is_floating_point is_complex is_contiguous numel result_type promote_types can_cast
    broadcast_shapes get_default_dtype get_device get_device_module
    cuda.is_available cuda.current_device cuda.device_count cuda.device cuda.device_of
    cuda.get_device_properties cuda.get_device_capability cuda.get_device_name cuda.synchronize
    cuda.empty_cache cuda.is_bf16_supported accelerator.current_accelerator
    backends.cuda.matmul.allow_tf32
""")

# Operations of torch, and other names of it, that host code of every graded function may use:
# they make, arrange and copy tensors, and ask about them. None of them computes.
TORCH = TYPES | _CREATION | _VIEWS | _COPIES | _BOOKKEEPING | _QUESTIONS

# Namespaces of torch whose functions go by their last name: ``nn.functional.pad`` is ``pad``.
NAMESPACES = _words("nn.functional special linalg Tensor functional")

# What of torch no code of a submission may come to, its import included; and why.
FORBIDDEN_TORCH = {
    "ops": "the operators below torch go past its functions",
    "library": "operators of one's own hide what they compute",
    "overrides": "torch itself stays as it is",
    "fx": "torch itself stays as it is",
    "hub": "a submission is one file",
    "load": "a submission is one file",
    "save": "a submission is one file",
    "package": "a submission is one file",
    "serialization": "a submission is one file",
    "classes": "a submission is one file",
    "from_file": "a submission is one file",
    "multiprocessing": "a submission runs in one process",
    "distributed": "a submission runs in one process",
    "utils.cpp_extension": "kernels are written in Triton",
    "utils.dlpack": "memory comes from torch.empty and the like",
    "utils.hooks": "torch itself stays as it is",
    "utils.backend_registration": "torch itself stays as it is",
    "cuda.memory": "memory comes from torch.empty and the like",
    "cuda.CUDAPluggableAllocator": "memory comes from torch.empty and the like",
    "cuda.MemPool": "memory comes from torch.empty and the like",
    "cuda.set_stream": "kernels are launched on the current stream",
    "cuda.cudart": "kernels are launched by Triton",
    "cuda.nccl": "a submission runs in one process",
    "cuda.jiterator": "kernels are written in Triton",
    "autograd.graph": "torch itself stays as it is",
    "autograd.profiler": "the grader measures",
}

# What of torch a graded function may not come to, for another reason than that it computes.
ESCAPES = {
    "cuda.Stream": "kernels are launched on the current stream",
    "cuda.stream": "kernels are launched on the current stream",
    "cuda.StreamContext": "kernels are launched on the current stream",
    "cuda.ExternalStream": "kernels are launched on the current stream",
    "cuda.current_stream": "kernels are launched on the current stream",
    "cuda.default_stream": "kernels are launched on the current stream",
    "cuda.Event": "the grader measures",
    "cuda.CUDAGraph": "each call launches its kernels",
    "cuda.graph": "each call launches its kernels",
    "cuda.graphs": "each call launches its kernels",
    "cuda.make_graphed_callables": "each call launches its kernels",
    "compile": "torch would make the kernels",
    "compiler": "torch would make the kernels",
    "jit": "torch would make the kernels",
    "profiler": "the grader measures",
    "utils.benchmark": "the grader measures",
}

# Settings of torch that stay as they are; these two do no harm.
SETTINGS = _words("set_grad_enabled set_printoptions")

# What of triton a submission may use; all that is below a name too.
TRITON = _words("""
    jit autotune heuristics Config cdiv next_power_of_2 language testing tools.tensor_descriptor
    set_allocator __version__ runtime.Autotuner runtime.Heuristics runtime.Config
    runtime.JITFunction runtime.OutOfResources runtime.driver.active.get_current_target
    runtime.driver.active.get_active_torch_device runtime.driver.active.get_current_device
    runtime.driver.active.utils.get_device_properties runtime.autotuner.Autotuner
    runtime.autotuner.Config runtime.jit.JITFunction runtime.errors OutOfResources JITFunction
    CompilationError compiler.errors TensorDescriptor
""")

# Functions of Python's own library that run text or reach what a name written out would show.
REFLECTION = _words("""
    operator.methodcaller operator.attrgetter typing.get_type_hints typing.ForwardRef
    typing_extensions.get_type_hints typing_extensions.ForwardRef
    typing_extensions.evaluate_forward_ref
""")

# What of numpy code that a graded function comes to may use: numbers of Python and their types.
NUMPY = _words("""
    pi e inf nan euler_gamma ceil floor sqrt log log2 log10 exp exp2 prod gcd lcm isnan isinf
    isfinite finfo iinfo float16 float32 float64 int8 int16 int32 int64 uint8 uint16 uint32 uint64
    bool_ integer floating number ndarray __version__
""")

# Methods that compute, or take values out to compute elsewhere, and that only tensors (and the
# arrays of numpy) have. ``add``, ``index``, ``sort``, ``sub`` and the like are no such names.
METHODS = _words("""
    abs absolute acos acosh addbmm addcdiv addcmul addmm addmv addr all allclose amax amin aminmax
    any arccos arccosh arcsin arcsinh arctan arctan2 arctanh argmax argmin argsort argwhere asin
    asinh atan atan2 atanh baddbmm bernoulli bincount bitwise_and bitwise_left_shift bitwise_not
    bitwise_or bitwise_right_shift bitwise_xor bmm cauchy ceil cholesky clamp clamp_max clamp_min
    clip copysign corrcoef cos cosh count_nonzero cov cross cummax cummin cumprod cumsum det diff
    digamma dist div divide dot eq equal erf erfc erfinv exp exp2 expm1 exponential fix
    float_power floor floor_divide fmax fmin fmod frac frexp gather ge geometric greater
    greater_equal gt hardshrink heaviside histc hypot index_add index_copy index_fill index_put
    index_reduce index_select inner inverse isclose isfinite isinf isnan kron kthvalue ldexp le lerp
    less less_equal lgamma log log10 log1p log2 log_normal log_softmax logaddexp logaddexp2
    logcumsumexp logdet logical_and logical_not logical_or logical_xor logit logsumexp lt lu
    masked_fill masked_scatter masked_select matmul matrix_exp matrix_power max maximum mean median
    min minimum mm mode msort mul multinomial multiply mv mvlgamma nan_to_num nanmean nanmedian
    nanquantile nansum ne negative nextafter nonzero norm normal not_equal numpy outer pinverse
    polygamma pow prelu prod qr quantile reciprocal relu remainder renorm repeat_interleave round
    rsqrt scatter scatter_add scatter_reduce sgn sigmoid sign sin sinc sinh slogdet softmax sqrt
    square std sum sum_to_size svd take_along_dim tan tanh tolist topk trace tril triu true_divide
    trunc uniform unique unique_consecutive var vdot xlogy
""")

# The same where only the form that works in place is a tensor's alone.
IN_PLACE = _words("add sub subtract neg apply map put set random resize index sort")

# Of METHODS, what may be the name of a plain value in somebody's own class: ``finfo.max``.
FIELDS = _words("""
    abs all any ceil clamp clip cos cov cross det diff div dot eq exp fix floor frac ge greater gt
    inner inverse le less log lt lu max maximum mean median min minimum mode mul ne negative norm
    normal numpy outer pow prod quantile round sign sin sqrt square std sum tan trace uniform unique
    var
""")
