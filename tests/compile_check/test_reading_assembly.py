"""What is read out of PTX, of AMD's assembly and of the assembler's log."""

from __future__ import annotations

import pytest

from grader.worker.compile_check import amdgcn, ptx
from grader.worker.compile_check.resources import Resources, from_ptxas_log
from grader.worker.compile_check.results import Access


@pytest.mark.parametrize(
    ("instruction", "kind", "bits"),
    [
        ("ld.global.b32 { %r1 }, [ %rd1 + 0 ];", "load", 32),
        ("@%p1 ld.global.v4.b32 { %r1, %r2, %r3, %r4 }, [ %rd1 + 0 ];", "load", 128),
        ("@!%p1 ld.global.v2.b64 { %rd3, %rd4 }, [ %rd1 ];", "load", 128),
        ("ld.global.L1::evict_last.L2::cache_hint.v2.b32 {%r1,%r2}, [%rd1], %rd9;", "load", 64),
        ("ld.relaxed.gpu.global.b16 %rs1, [%rd1];", "load", 16),
        ("@%p1 st.global.b8 [ %rd1 + 0 ], { %rs1 };", "store", 8),
        ("st.global.v8.b32 [ %rd1 + 0 ], { %r1 };", "store", 256),
        ("@%p1 atom.global.gpu.acq_rel.add.f32 %r1, [ %rd1 + 0 ], %r2;", "atomic", 32),
        ("atom.global.gpu.relaxed.add.noftz.f16x2 %r1, [ %rd1 ], %r2;", "atomic", 32),
        ("red.global.gpu.relaxed.add.v4.f32 [ %rd1 ], {%r1, %r2, %r3, %r4};", "atomic", 128),
        ("cp.async.cg.shared.global [ %r1 + 0 ], [ %rd1 + 0 ], 0x10, %r2;", "load", 128),
        ("@%p1 cp.async.ca.shared.global [ %r1 + 0 ], [ %rd1 + 0 ], 0x4, %r2;", "load", 32),
    ],
)
def test_width_of_an_access(instruction: str, kind: str, bits: int) -> None:
    assert ptx.accesses(f"\t{instruction}\n", "sub.py") == (Access(kind, bits, 1, None),)


@pytest.mark.parametrize(
    "instruction",
    [
        "ld.param.b64 %rd1, [add_param_0];",
        "ld.shared.v4.b32 {%r1, %r2, %r3, %r4}, [%r5];",
        "st.local.b32 [%rd1], %r1;",
        "cp.async.commit_group;",
        "// ld.global.b32 in a comment",
        ".reg .b32 %r<12>;",
        "mov.b32 %r1, %r2;",
    ],
)
def test_other_instructions_access_no_global_memory(instruction: str) -> None:
    assert ptx.accesses(f"\t{instruction}\n", "sub.py") == ()


def test_accesses_go_to_the_innermost_line_of_the_file() -> None:
    text = """
\t.loc\t1 12 3                          // sub.py:12:3
\tld.global.b32 %r1, [%rd1];
\tld.global.b32 %r2, [%rd2];
\t.loc\t2 43 17                         // standard.py:43:17 @[ sub.py:30:5 @[ sub.py:14:9 ] ]
\tst.global.b32 [%rd1], %r1;
\t.loc\t2 43 17                         // standard.py:43:17
\tst.global.b32 [%rd1], %r1;
\t.loc\t1 0 0                           // sub.py:0:0
\tst.global.b32 [%rd1], %r1;
"""
    assert ptx.accesses(text, "sub.py") == (
        Access("load", 32, 2, 12),
        Access("store", 32, 1, 30),
        Access("store", 32, 2, None),
    )


def test_notable_instructions_are_counted() -> None:
    text = """
\tmma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 { %r1 }, { %r2 }, { %r3 }, { %r4 };
\twgmma.mma_async.sync.aligned.m64n32k16.f32.f16.f16 {%r1}, %rd1, %rd2, p, 1, 1, 0, 0;
\twgmma.commit_group.sync.aligned;
\t@%p1 cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier [%r1], [%rd1, {%r2}], [%r3];
\tcp.async.ca.shared.global [ %r1 + 0 ], [ %rd1 + 0 ], 0x8, %r2;
\tcp.async.commit_group;
\tfma.rn.f64 %rd1, %rd2, %rd3, %rd4;
\tld.global.f64 %rd1, [%rd2];
\tatom.shared.add.u32 %r1, [%r2], 1;
"""
    assert ptx.instructions(text) == {"mma": 1, "wgmma": 1, "tma": 1, "cp_async": 1, "fp64": 1}


@pytest.mark.parametrize(
    ("instruction", "kind", "bits"),
    [
        ("buffer_load_dwordx4 v[0:3], v8, s[0:3], 0 offen", "load", 128),
        ("global_load_dword v1, v0, s[2:3]", "load", 32),
        ("buffer_load_ubyte v1, v0, s[0:3], 0 offen", "load", 8),
        ("global_load_short_d16 v1, v0, s[2:3]", "load", 16),
        ("global_store_b128 v0, v[1:4], s[2:3]", "store", 128),
        ("buffer_store_short v1, v0, s[0:3], 0 offen", "store", 16),
        ("global_atomic_add_f32 v0, v1, s[2:3]", "atomic", 32),
        ("buffer_atomic_pk_add_f16 v0, v1, s[0:3], 0 offen", "atomic", 32),
    ],
)
def test_width_of_an_access_on_amd(instruction: str, kind: str, bits: int) -> None:
    assert amdgcn.accesses(f"\t{instruction}\n", "sub.py") == (Access(kind, bits, 1, None),)


def test_resources_on_amd_stand_in_the_metadata() -> None:
    text = """
amdhsa.kernels:
  - .agpr_count:     64
    .private_segment_fixed_size: 12
    .vgpr_count:     216
    .vgpr_spill_count: 3
"""
    assert amdgcn.resources(text) == Resources(registers=216, spills=12, spill_loads=12, stack=12)


def test_resources_stand_in_the_assemblers_log() -> None:
    log = """ptxas info    : Function properties for softmax
    168 bytes stack frame, 176 bytes spill stores, 180 bytes spill loads
ptxas info    : Used 24 registers, used 1 barriers, 384 bytes cmem[0]
"""
    assert from_ptxas_log(log) == Resources(24, spills=176, spill_loads=180, stack=168)


def test_a_silent_assembler_leaves_resources_unknown() -> None:
    assert from_ptxas_log("") == Resources(None, None, None, None)
